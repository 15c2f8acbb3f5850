"""``GET /v1/reports/{report_id}``: the status of a report, for its source and for staff of its city."""

from fastapi import FastAPI
from starlette.responses import Response

from paidan_chassis.database import DB_ERRORS
from paidan_chassis.edge import problems
from paidan_chassis.edge.api_keys import Principal
from paidan_chassis.edge.app import Caller
from paidan_contracts.scopes import covers_city, grants_of
from paidan_intake.api import queries
from paidan_intake.api.access import refuse_beyond_bounds
from paidan_intake.api.models import ReportStatus
from paidan_intake.api.queries import ReportWithStatus
from paidan_intake.api.submission import ApiContext, ReportIdParam


def add_routes(app: FastAPI, context: ApiContext) -> None:
    """Add the report route to the app."""

    @app.get("/v1/reports/{report_id}", response_model=ReportStatus)
    async def show_report(report_id: ReportIdParam, caller: Caller) -> Response:
        """Return the status of a report, and the answer to it. ``waiting``: accepted and not decided yet."""
        found = await _find_report(context, report_id)
        if found is None or not _may_read(caller, found):
            raise problems.not_found("there is no such report, or it is another source's", "没有此上报，或不属于您")
        refusal = refuse_beyond_bounds(grants_of(caller.scopes), [found.bounds] if found.bounds else [])
        if refusal is not None:
            raise refusal.problem()
        status = ReportStatus.model_validate(found.row)
        return Response(status.model_dump_json(exclude_none=True), media_type="application/json")


async def _find_report(context: ApiContext, report_id: str) -> ReportWithStatus | None:
    try:
        return await queries.find_report(context.pool, report_id)
    except DB_ERRORS:
        raise problems.unavailable() from None


def _may_read(caller: Principal, report: ReportWithStatus) -> bool:
    if not covers_city(caller.city, report.city):
        return False
    grants = grants_of(caller.scopes)
    return grants.source == report.source or grants.has_role("operator", "monitor", "caller", "importer")
