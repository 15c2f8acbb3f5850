"""Answers 404 to requests for actions on cases that lie outside the classes and places of the caller's post."""

from collections.abc import Sequence

from paidan_chassis.database import Pool
from paidan_chassis.edge.api_keys import Principal
from paidan_chassis.edge.problems import Problem
from paidan_contracts.actions import ActionRequested
from paidan_dispatch.actions.dry_run import resolve_case_id
from paidan_dispatch.api import access, queries
from paidan_dispatch.inbox.load import load_known_outcomes


async def require_within_bounds(pool: Pool, request: ActionRequested, caller: Principal) -> None:
    """Raise Problem 404 for an action whose case is outside the caller's bounds, or not there yet."""
    if await _are_beyond(pool, [request], caller) != [False]:
        raise access.no_such_case()


async def refuse_out_of_bounds(
    pool: Pool, lines: Sequence[ActionRequested | Problem], caller: Principal
) -> list[ActionRequested | Problem]:
    """Return a bounded caller's lines, with a 404 in place of those whose case is outside the bounds, or not there yet.

    Judged by the case as it is now: should it be filed elsewhere a moment later, the action is still decided.
    """
    requests = [each for each in lines if isinstance(each, ActionRequested)]
    # By place, not by id: several lines may name one id, for different cases.
    beyond = iter(await _are_beyond(pool, requests, caller))
    return [access.no_such_case() if isinstance(each, ActionRequested) and next(beyond) else each for each in lines]


async def _are_beyond(pool: Pool, requests: Sequence[ActionRequested], caller: Principal) -> list[bool]:
    async with pool.acquire() as conn:
        known = await load_known_outcomes(conn, {each.of_report for each in requests if each.of_report})
        case_ids = [resolve_case_id(each, known) for each in requests]
        cases = await queries.load_cases_with_policy(conn, {each for each in case_ids if each})
    covered = {case_id for case_id, stored in cases.items() if access.is_within_bounds(stored.state, caller)}
    return [case_id not in covered for case_id in case_ids]
