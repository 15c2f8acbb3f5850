"""Judges an action against the case as it is now, by the city in force in its lane, and does nothing."""

from typing import Any

import asyncpg

from paidan_contracts.actions import ActionRequested
from paidan_contracts.outcomes import Why
from paidan_contracts.state import Status
from paidan_dispatch.api import views
from paidan_dispatch.api.bodies import Judged
from paidan_dispatch.cities import Cities
from paidan_dispatch.life import lifecycle
from paidan_dispatch.life.lifecycle import Moved, Refused


async def judge(pool: "asyncpg.Pool[Any]", cities: Cities, request: ActionRequested) -> Judged:
    """Say what would become of the action; another one may come in between, so nothing is promised."""
    async with pool.acquire() as conn:
        found = await views.case_by_id(conn, request.case_id)
        version = await views.version_in_force(conn, request.case_id)
        bylaws = await cities.get(conn, version) if version else None
    if found is None or bylaws is None:
        return _judged(request, "refused", None, lifecycle.unknown_case(request).why)
    match lifecycle.decide(found.state, request, bylaws):
        case Moved() as moved:
            return _judged(request, "applied", moved.after.status, None)
        case Refused(why):
            return _judged(request, "refused", found.state.status, why)


def _judged(request: ActionRequested, result: str, status: Status | None, why: Why | None) -> Judged:
    return Judged.model_validate(
        {"action_id": request.action_id, "result": result, "status": status, "why": why and why.model_dump()}
    )
