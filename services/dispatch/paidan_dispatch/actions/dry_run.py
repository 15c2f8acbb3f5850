"""Evaluates actions against their cases' present state, by the pack in force in their partition, without effect."""

from collections.abc import Mapping, Sequence
from typing import Final

from paidan_chassis.database import Pool
from paidan_contracts.actions import ActionRequested
from paidan_contracts.case_access import has_order
from paidan_contracts.emergency_actions import CITY_ACTIONS
from paidan_contracts.ids import area_of, city_of
from paidan_contracts.outcomes import Refusal
from paidan_contracts.state import Status
from paidan_dispatch.api import queries as api_queries
from paidan_dispatch.api.emergency_queries import load_city
from paidan_dispatch.api.models import DryRunResult
from paidan_dispatch.api.queries import CaseWithPolicy
from paidan_dispatch.cases.decide import Progressed, Refused, decide
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.proofs import proof_of
from paidan_dispatch.cases.refusals import unknown_case
from paidan_dispatch.city_packs import PackCache
from paidan_dispatch.inbox import emergency_steps, noted_reports
from paidan_dispatch.inbox.emergency_book import EmergencyBook
from paidan_dispatch.inbox.load import load_known_outcomes, load_photos
from paidan_dispatch.inbox.rows import KnownOutcome
from paidan_dispatch.inbox.unit_of_work import DEAD_LETTERED, UnitOfWork

# A state takes some 50 us to decode; other requests must not wait for a whole file.
CHUNK_SIZE: Final = 100
_BEFORE_THE_REPORT: Final = frozenset({"unknown_report", "not_your_role", "not_supported_yet", "unknown_action"})
"""Refusals of a source that has not named a report of its own: it is told as much as if there were no such case."""


async def evaluate(pool: Pool, packs: PackCache, requests: Sequence[ActionRequested]) -> list[DryRunResult]:
    """Return the outcome that each action would have if it came alone; others may be decided first."""
    results: list[DryRunResult] = []
    for start in range(0, len(requests), CHUNK_SIZE):
        results += await _evaluate_chunk(pool, packs, requests[start : start + CHUNK_SIZE])
    return results


async def _evaluate_chunk(pool: Pool, packs: PackCache, requests: Sequence[ActionRequested]) -> list[DryRunResult]:
    async with pool.acquire() as conn:
        ids = {each.action_id for each in requests} | {each.of_report for each in requests if each.of_report}
        known_outcomes = await load_known_outcomes(conn, ids)
        case_ids = [resolve_case_id(each, known_outcomes) for each in requests]
        cases = await api_queries.load_cases_with_policy(conn, {case_id for case_id in case_ids if case_id})
        refs = {ref for each in requests for ref in proof_of(each)}
        photos = await load_photos(conn, refs, {each.partition for each in cases.values()}) if refs else {}
        policies = {
            version: await packs.get(conn, version) for version in {each.pack_version for each in cases.values()}
        }
        cities = {city_of(each.area) for each in requests if isinstance(each.action, CITY_ACTIONS)}
        books = {city: await load_city(conn, packs, city) for city in cities}
    # As a batch of the inbox, which is judged by the same evidence.
    unit_of_work = UnitOfWork([], {}, known_outcomes=known_outcomes, photos=photos)
    return [
        _evaluate_city_action(request, *books[city_of(request.area)])
        if isinstance(request.action, CITY_ACTIONS)
        else _evaluate_one(request, cases.get(case_id) if case_id else None, policies, unit_of_work)
        for request, case_id in zip(requests, case_ids, strict=True)
    ]


def resolve_case_id(request: ActionRequested, known_outcomes: Mapping[str, KnownOutcome]) -> str | None:
    """Return the case that an action is meant for: the one of the report that it names, or else the one it names."""
    if request.of_report is None:
        return request.case_id
    known = known_outcomes.get(request.of_report)
    # Reports merge within their area; a case elsewhere is in another partition, and perhaps not the caller's to see.
    if known is None or known.case_id is None or area_of(known.case_id) != request.area:
        return None
    return known.case_id


def _evaluate_one(
    request: ActionRequested,
    stored: CaseWithPolicy | None,
    policies: dict[str, CityPolicy],
    unit_of_work: UnitOfWork,
) -> DryRunResult:
    if noted_reports.is_about_noted(request, unit_of_work.known_outcomes):
        reply = noted_reports.decide_reply(request)
        refusal = reply if isinstance(reply, Refusal) else None
        return _build_result(request, "refused" if refusal else "applied", None, refusal)
    # A refusal names the case's state, which a department may know of its own cases only.
    is_foreign = stored and request.actor.kind == "department" and not has_order(stored.state, request.actor.id)
    if stored is None or is_foreign:
        return _build_result(request, "refused", None, unknown_case(request.case_id))
    earlier = unit_of_work.known_outcomes.get(request.action_id)
    if earlier is not None and earlier.why is not None and earlier.result != DEAD_LETTERED:
        # An id is decided once: sent in earnest, it would be refused again.
        return _refused(request, stored, Refusal.model_validate_json(earlier.why))
    match decide(stored.state, request, policies[stored.pack_version], unit_of_work.evidence_for(request)):
        case Progressed() as progressed:
            return _build_result(request, "applied", progressed.after.status, None)
        case Refused(refusal):
            return _refused(request, stored, refusal)


def _evaluate_city_action(request: ActionRequested, policy: CityPolicy | None, book: EmergencyBook) -> DryRunResult:
    refusal = emergency_steps.act(request, policy, book, 0)
    if isinstance(refusal, Refusal):
        return _build_result(request, "refused", None, refusal)
    return _build_result(request, "applied", None, None)


def _refused(request: ActionRequested, stored: CaseWithPolicy, refusal: Refusal) -> DryRunResult:
    if request.actor.kind == "source" and refusal.code in _BEFORE_THE_REPORT:
        return _build_result(request, "refused", None, unknown_case(request.case_id))
    return _build_result(request, "refused", stored.state.status, refusal)


def _build_result(
    request: ActionRequested, result: str, status: Status | None, refusal: Refusal | None
) -> DryRunResult:
    return DryRunResult.model_validate(
        {"action_id": request.action_id, "result": result, "status": status, "why": refusal and refusal.model_dump()}
    )
