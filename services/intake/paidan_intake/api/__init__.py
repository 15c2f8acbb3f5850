"""Intake's HTTP edge, a module for each kind of thing that is sent or asked for."""

from fastapi import FastAPI

from paidan_intake.api import alarms, photo_reports, photos, reports, tickets
from paidan_intake.api.desk import Desk

__all__ = ["Desk", "add_routes"]


def add_routes(app: FastAPI, desk: Desk) -> None:
    """Put every route of intake on the edge."""
    for part in (tickets, photo_reports, alarms, photos, reports):
        part.add_routes(app, desk)
