"""All routes of intake's HTTP edge."""

from fastapi import FastAPI

from paidan_intake.api import alarms, photo_reports, photos, reporter, reports, submission, ticket_batches
from paidan_intake.api.submission import ApiContext


def add_routes(app: FastAPI, context: ApiContext) -> None:
    """Add every route of intake to the app."""
    for module in (submission, ticket_batches, photo_reports, alarms, photos, reports, reporter):
        module.add_routes(app, context)
