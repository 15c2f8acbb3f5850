"""回访: records each reporter's rating after closing, and reopens the case when the city's terms allow it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from paidan_contracts.actions import CallBack, Rating
from paidan_contracts.cases import CaseCalledBack, CaseReopened
from paidan_contracts.city.calendar import CalendarExhausted
from paidan_contracts.city.policies import RatingRule
from paidan_contracts.state import CalledBack, CaseState
from paidan_contracts.unvalidated import unvalidated_constructor
from paidan_dispatch.cases.bilingual import Bilingual
from paidan_dispatch.cases.case_state import (
    ActResult,
    Provenance,
    event_fields,
    next_limit,
    next_state,
    replace_assignment,
)
from paidan_dispatch.cases.emergencies import Subject, limit_under_emergencies
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.refusals import build_refusal
from paidan_dispatch.cases.transitions.helper_orders import renew

_FROM_WORST: Final[tuple[Rating, ...]] = ("dissatisfied", "basically_satisfied", "satisfied")
_new_called_back: Final = unvalidated_constructor(CaseCalledBack)
_new_reopened: Final = unvalidated_constructor(CaseReopened)


def call_back(state: CaseState, action: CallBack, provenance: Provenance, policy: CityPolicy) -> ActResult:
    """回访: record a reporter's rating; 重办: reopen the case when it is dissatisfied, reasonable and in time."""
    report_id = action.report_id or _usual_report(state)
    if report_id is None:
        text = Bilingual(
            f"{len(state.callbacks_awaited)} reporters are to be called back: name the report.",
            f"有 {len(state.callbacks_awaited)} 位上报人待回访，须指明上报编号。",
        )
        return build_refusal(state, "unknown_report", text, "action.report_id")
    if not state.past and not _is_of_case(state, report_id):
        text = Bilingual(
            f"No reporter of this case waits for a callback under report {report_id}.",
            f"本案件没有上报 {report_id} 的待回访上报人。",
        )
        return build_refusal(state, "unknown_report", text, "action.report_id")
    callback = _called_back(state, action, report_id, provenance, policy)
    if not _should_reopen(state, action, provenance, policy):
        return [callback]
    return [callback, _reopened(callback.state, action, provenance, policy)]


def _usual_report(state: CaseState) -> str | None:
    """Return whom a callback is about that names no report: the opener, or the only one that waits; None: unclear."""
    awaited = state.callbacks_awaited
    if not awaited or state.opened_by in awaited:
        return state.opened_by
    return awaited[0] if len(awaited) == 1 else None


def _is_of_case(state: CaseState, report_id: str) -> bool:
    return (
        report_id == state.opened_by
        or report_id in state.callbacks_wanted
        or any(each.report_id == report_id for each in state.joined)
        or any(each.report_id == report_id for each in state.called_back)
    )


def _called_back(
    state: CaseState, action: CallBack, report_id: str, provenance: Provenance, policy: CityPolicy
) -> CaseCalledBack:
    callback = CalledBack(
        report_id=report_id,
        rating=action.rating,
        solved=action.solved,
        reasonable=action.reasonable,
        at=provenance.recorded_at,
        round=state.round,
    )
    callbacks = (*state.called_back, callback)
    terms = policy.city.callbacks
    raw = _latest_ratings(callbacks, state.opened_by)
    reviewed = {
        reporter: each for reporter, each in raw.items() if terms.unreasonable == "counts" or not _is_unreasonable(each)
    }
    after = next_state(
        state,
        provenance,
        called_back=callbacks,
        callbacks_awaited=tuple(each for each in state.callbacks_awaited if each != report_id),
        rating=_select_rating(reviewed, state.opened_by, terms.rating),
        raw_rating=_select_rating(raw, state.opened_by, terms.rating),
        rated_by=policy.rule_ref(terms.rating),
    )
    return _new_called_back(
        **event_fields(after, provenance), rating=action.rating, report_id=report_id, reason=action.reason
    )


def _is_unreasonable(callback: CalledBack) -> bool:
    return callback.rating == "dissatisfied" and not callback.reasonable


def _latest_ratings(callbacks: Iterable[CalledBack], opened_by: str) -> dict[str, CalledBack]:
    """Return each reporter's latest rating, in order of time; no answer is no rating, and wipes none."""
    latest: dict[str, CalledBack] = {}
    for each in callbacks:
        if each.rating != "no_answer":
            reporter = each.report_id or opened_by
            latest.pop(reporter, None)
            latest[reporter] = each
    return latest


def _select_rating(ratings: dict[str, CalledBack], opened_by: str, rule: RatingRule) -> Rating | None:
    """Return the case's one rating by the city's rule."""
    given = [each.rating for each in ratings.values()]
    match rule:
        case "worst":
            return min(given, key=_FROM_WORST.index, default=None)
        case "last":
            return given[-1] if given else None
        case "opener":
            return ratings[opened_by].rating if opened_by in ratings else None


def _should_reopen(state: CaseState, action: CallBack, provenance: Provenance, policy: CityPolicy) -> bool:
    terms = policy.city.clocks.reopening
    if action.rating != "dissatisfied" or not action.reasonable or state.reopened >= terms.times:
        return False
    # What was built has no order that could go on: it was struck off.
    if state.closed_at is None or not state.assignments or state.assignments[-1].withdrawn_at is not None:
        return False
    try:
        return provenance.recorded_at <= policy.deadline(state.closed_at, terms.within)
    except CalendarExhausted:
        return True


def _reopened(state: CaseState, action: CallBack, provenance: Provenance, policy: CityPolicy) -> CaseReopened:
    """Begin another round with the same department, under a limit of its own."""
    at = provenance.recorded_at
    limit = next_limit(state, at, _deadline(state, at, policy), policy)
    if policy.emergencies and not state.past:
        limit = limit_under_emergencies(limit, Subject.of(state, policy), at, policy)
    assignment = state.assignments[-1]
    reopened = assignment.model_copy(update={"limits": (*assignment.limits, limit)})
    after = next_state(
        state,
        provenance,
        status="handling",
        closed_at=None,
        answer=None,
        callbacks_awaited=(),
        round=state.round + 1,
        reopened=state.reopened + 1,
        assignments=replace_assignment(state, reopened),
        helpers=renew(state, limit) if state.helpers else (),
    )
    return _new_reopened(
        **event_fields(after, provenance),
        department=assignment.department,
        due_at=limit.due_at,
        reason=action.reason,
    )


def _deadline(state: CaseState, began_at: datetime, policy: CityPolicy) -> datetime | None:
    row = policy.city.rows.get(state.row_id or "")
    limit = policy.city.clocks.reopening.limit or policy.handling_limit(row)
    # An imported case gets no limit when it is reopened: its record promised none.
    if state.past or limit is None:
        return None
    try:
        return policy.deadline(began_at, limit)
    except CalendarExhausted:
        # Where next year's calendar is missing the case is reopened all the same, in a round without a limit.
        return None
