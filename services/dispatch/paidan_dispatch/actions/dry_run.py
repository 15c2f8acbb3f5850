"""Judges actions against their cases as they are now, by the city in force in each lane, and does nothing."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import asyncpg

from paidan_contracts.actions import ActionRequested
from paidan_contracts.ids import area_of
from paidan_contracts.outcomes import Why
from paidan_contracts.state import Status
from paidan_dispatch.api import queries as api_queries
from paidan_dispatch.api.models import Judged
from paidan_dispatch.api.queries import Standing
from paidan_dispatch.cases import decide
from paidan_dispatch.cases.decide import Moved, Refused
from paidan_dispatch.cases.policy import Bylaws
from paidan_dispatch.city_packs import Cities
from paidan_dispatch.inbox import queries
from paidan_dispatch.inbox.unit_of_work import Decided

# A state takes some 50 us to read, and what else the process does must not wait for a whole file.
AT_ONCE: Final = 100


async def judge(pool: "asyncpg.Pool[Any]", cities: Cities, requests: Sequence[ActionRequested]) -> list[Judged]:
    """Say of each action what would become of it if it came alone; others may come in between: nothing is promised."""
    judged: list[Judged] = []
    for start in range(0, len(requests), AT_ONCE):
        judged += await _judge(pool, cities, requests[start : start + AT_ONCE])
    return judged


async def _judge(pool: "asyncpg.Pool[Any]", cities: Cities, requests: Sequence[ActionRequested]) -> list[Judged]:
    async with pool.acquire() as conn:
        decided = await queries.decided(conn, {each.of_report for each in requests if each.of_report})
        about = [_case_of(each, decided) for each in requests]
        found = await api_queries.standings(conn, {case_id for case_id in about if case_id})
        bylaws = {version: await cities.get(conn, version) for version in {each.version for each in found.values()}}
    return [
        _judged(request, found.get(case_id) if case_id else None, bylaws)
        for request, case_id in zip(requests, about, strict=True)
    ]


def _case_of(request: ActionRequested, decided: Mapping[str, Decided]) -> str | None:
    if request.of_report is None:
        return request.case_id
    known = decided.get(request.of_report)
    # Cases join within their area; one that lies elsewhere is in another lane, and perhaps not the caller's to see.
    if known is None or known.case_id is None or area_of(known.case_id) != request.area:
        return None
    return known.case_id


def _judged(request: ActionRequested, found: Standing | None, bylaws: dict[str, Bylaws]) -> Judged:
    if found is None:
        return _said(request, "refused", None, decide.unknown_case(request).why)
    match decide.decide(found.state, request, bylaws[found.version]):
        case Moved() as moved:
            return _said(request, "applied", moved.after.status, None)
        case Refused(why):
            return _said(request, "refused", found.state.status, why)


def _said(request: ActionRequested, result: str, status: Status | None, why: Why | None) -> Judged:
    return Judged.model_validate(
        {"action_id": request.action_id, "result": result, "status": status, "why": why and why.model_dump()}
    )
