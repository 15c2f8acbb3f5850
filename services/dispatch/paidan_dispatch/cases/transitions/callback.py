"""回访: records the reporter's rating after closing, and reopens the case when the city's terms allow it."""

from datetime import datetime
from typing import Final

from paidan_contracts.actions import CallBack
from paidan_contracts.cases import CaseCalledBack, CaseReopened
from paidan_contracts.city.calendar import CalendarExhausted
from paidan_contracts.state import CalledBack, CaseState
from paidan_contracts.unvalidated import unvalidated_constructor
from paidan_dispatch.cases.case_state import (
    ActResult,
    Provenance,
    event_fields,
    next_limit,
    next_state,
    replace_assignment,
)
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.transitions.helper_orders import renew

_new_called_back: Final = unvalidated_constructor(CaseCalledBack)
_new_reopened: Final = unvalidated_constructor(CaseReopened)


def call_back(state: CaseState, action: CallBack, provenance: Provenance, policy: CityPolicy) -> ActResult:
    """回访: record the reporter's rating; 重办: reopen the case when it is dissatisfied, reasonable and in time."""
    callback = _called_back(state, action, provenance)
    if not _should_reopen(state, action, provenance, policy):
        return [callback]
    return [callback, _reopened(callback.state, action, provenance, policy)]


def _called_back(state: CaseState, action: CallBack, provenance: Provenance) -> CaseCalledBack:
    callback = CalledBack(
        rating=action.rating,
        solved=action.solved,
        reasonable=action.reasonable,
        at=provenance.recorded_at,
        round=state.round,
    )
    after = next_state(state, provenance, called_back=(*state.called_back, callback))
    return _new_called_back(**event_fields(after, provenance), rating=action.rating, reason=action.reason)


def _should_reopen(state: CaseState, action: CallBack, provenance: Provenance, policy: CityPolicy) -> bool:
    terms = policy.city.clocks.reopening
    if action.rating != "dissatisfied" or not action.reasonable or state.reopened >= terms.times:
        return False
    if state.closed_at is None:
        return False
    try:
        return provenance.recorded_at <= policy.deadline(state.closed_at, terms.within)
    except CalendarExhausted:
        return True


def _reopened(state: CaseState, action: CallBack, provenance: Provenance, policy: CityPolicy) -> CaseReopened:
    """Begin another round with the same department, under a limit of its own."""
    limit = next_limit(state, provenance.recorded_at, _deadline(state, provenance.recorded_at, policy))
    assignment = state.assignments[-1]
    reopened = assignment.model_copy(update={"limits": (*assignment.limits, limit)})
    after = next_state(
        state,
        provenance,
        status="handling",
        closed_at=None,
        round=state.round + 1,
        reopened=state.reopened + 1,
        assignments=replace_assignment(state, reopened),
        helpers=renew(state, limit.due_at) if state.helpers else (),
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
