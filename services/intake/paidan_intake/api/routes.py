"""All routes of intake's HTTP edge."""

from typing import Any, Final

from fastapi import FastAPI

from paidan_intake.api import alarms, photo_reports, photos, reporter, reports, submission, ticket_batches
from paidan_intake.api.checks import DRY_RUN_PARAMETER
from paidan_intake.api.submission import ApiContext

_HOT_ROUTES: Final = ("/v1/tickets", "/v1/alarms/generic")


def add_routes(app: FastAPI, context: ApiContext) -> None:
    """Add every route of intake to the app."""
    for module in (submission, ticket_batches, photo_reports, alarms, photos, reports, reporter):
        module.add_routes(app, context)
    _document_dry_runs(app)


def _document_dry_runs(app: FastAPI) -> None:
    """Add ``dry-run`` to the OpenAPI document of hot routes, whose query FastAPI does not parse."""
    generate_openapi = app.openapi

    def document() -> dict[str, Any]:
        schema = generate_openapi()
        for path in _HOT_ROUTES:
            schema["paths"][path]["post"].update(DRY_RUN_PARAMETER)
        return schema

    app.openapi = document  # type: ignore[method-assign] # the way FastAPI documents
