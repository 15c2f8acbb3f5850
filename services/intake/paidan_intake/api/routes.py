"""Intake's HTTP edge, a module for each kind of thing that is sent or asked for."""

from typing import Any, Final

from fastapi import FastAPI

from paidan_intake.api import (
    alarms,
    photo_reports,
    photos,
    reporter,
    reports,
    tickets,
)
from paidan_intake.api.context import DRY_RUN, Desk

__all__ = ["Desk", "add_routes"]

_HOT: Final = ("/v1/tickets", "/v1/alarms/generic")


def add_routes(app: FastAPI, desk: Desk) -> None:
    """Put every route of intake on the edge."""
    for part in (tickets, photo_reports, alarms, photos, reports, reporter):
        part.add_routes(app, desk)
    _tell_of_dry_runs(app)


def _tell_of_dry_runs(app: FastAPI) -> None:
    """Name ``dry-run`` in the OpenAPI document of hot routes, whose query FastAPI does not read."""
    without = app.openapi

    def document() -> dict[str, Any]:
        found = without()
        for path in _HOT:
            found["paths"][path]["post"].update(DRY_RUN)
        return found

    app.openapi = document  # type: ignore[method-assign] # the way FastAPI documents
