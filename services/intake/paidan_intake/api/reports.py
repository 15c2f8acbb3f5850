"""Where a report stands, for the source that sent it and for staff of its city."""

import uuid

from fastapi import FastAPI
from starlette.responses import Response

from paidan_chassis.database import FAULTS
from paidan_chassis.edge import problems
from paidan_chassis.edge.api_keys import Principal
from paidan_chassis.edge.app import Caller
from paidan_intake import queries
from paidan_intake.api.context import Desk
from paidan_intake.api.models import Stands
from paidan_intake.queries import Whereabouts


def add_routes(app: FastAPI, desk: Desk) -> None:
    """Put the report route on the edge."""

    @app.get("/v1/reports/{report_id}", response_model=Stands)
    async def show_report(report_id: str, who: Caller) -> Response:
        """Tell where a report stands, and the answer to it. ``waiting``: taken and not decided yet."""
        found = await _found(desk, report_id)
        if found is None or not _may_see(who, found):
            raise problems.not_found("no such report is known, or it is not yours", "没有此上报，或不属于您")
        stands = Stands.model_validate(found.row)
        return Response(stands.model_dump_json(exclude_none=True), media_type="application/json")


async def _found(desk: Desk, report_id: str) -> Whereabouts | None:
    try:
        wanted = str(uuid.UUID(report_id))
    except ValueError:
        return None
    try:
        return await queries.find(desk.pool, wanted)
    except FAULTS:
        raise problems.unavailable() from None


def _may_see(who: Principal, found: Whereabouts) -> bool:
    if not who.covers(found.city):
        return False
    return who.source == found.source or who.is_a("operator", "monitor", "caller", "importer")
