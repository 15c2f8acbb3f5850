"""``GET /v1/reports/{report_id}``: the status of a report, for its source and for staff of its city."""

from hashlib import sha256
from typing import Annotated, Any, Final

from fastapi import FastAPI, Header, Query
from starlette.responses import Response

from paidan_chassis.database import DB_ERRORS
from paidan_chassis.edge import problems
from paidan_chassis.edge.api_keys import Principal
from paidan_chassis.edge.app import Caller
from paidan_chassis.edge.change_watch import MAX_WAIT_S, WaitingRequest
from paidan_contracts.scopes import covers_city, grants_of
from paidan_intake.api import queries
from paidan_intake.api.access import refuse_beyond_bounds
from paidan_intake.api.models import ReportStatus
from paidan_intake.api.queries import ReportWithStatus
from paidan_intake.api.submission import ApiContext, ReportIdParam

_ETAG: Final = {"ETag": {"description": "Of this status and answer.", "schema": {"type": "string"}}}
_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"headers": _ETAG},
    304: {"description": "Nothing has changed since the state that `If-None-Match` names.", "headers": _ETAG},
}


def add_routes(app: FastAPI, context: ApiContext) -> None:
    """Add the report route to the app."""

    @app.get("/v1/reports/{report_id}", response_model=ReportStatus, responses=_RESPONSES)
    async def show_report(
        report_id: ReportIdParam,
        caller: Caller,
        wait: Annotated[
            int, Query(ge=0, le=MAX_WAIT_S, description="With `If-None-Match`: wait so many seconds for a change.")
        ] = 0,
        if_none_match: Annotated[
            str | None, Header(max_length=300, description="An `ETag`: answered by 304 while nothing has changed.")
        ] = None,
    ) -> Response:
        """Return the status of a report, and the answer to it. ``waiting``: accepted and not decided yet.

        With the `ETag` of an earlier answer in `If-None-Match` and `wait=30` the answer comes once either has changed.
        """
        found = await _find_readable(context, report_id, caller)
        etag = _etag(found)
        if wait and if_none_match == etag:
            known = await context.watch.tag(report_id)
            if _etag(await _find_readable(context, report_id, caller)) == etag:
                await context.watch.wait(WaitingRequest(report_id, known), wait, caller.key_id)
            found = await _find_readable(context, report_id, caller)
            etag = _etag(found)
        headers = {"ETag": etag}
        if if_none_match == etag:
            return Response(status_code=304, headers=headers)
        return Response(_status_json(found), media_type="application/json", headers=headers)


async def _find_readable(context: ApiContext, report_id: str, caller: Principal) -> ReportWithStatus:
    found = await _find_report(context, report_id)
    if found is None or not _may_read(caller, found):
        raise problems.not_found("there is no such report, or it is another source's", "没有此上报，或不属于您")
    refusal = refuse_beyond_bounds(grants_of(caller.scopes), [found.bounds] if found.bounds else [])
    if refusal is not None:
        raise refusal.problem()
    return found


def _status_json(report: ReportWithStatus) -> str:
    return ReportStatus.model_validate(report.row).model_dump_json(exclude_none=True)


def _etag(report: ReportWithStatus) -> str:
    return f'"{sha256(_status_json(report).encode()).hexdigest()[:32]}"'


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
