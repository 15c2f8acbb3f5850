"""What each action does, once nothing stands against it: the steps that follow, or why not after all."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias

from paidan_contracts.actions import (
    Accept,
    ActionRequested,
    Assign,
    CallBack,
    File,
    Finish,
    Inspect,
    Redispatch,
    Return,
    UnsupportedAction,
    Urge,
    Verify,
    Void,
)
from paidan_contracts.cases import CaseEvent
from paidan_contracts.city.calendar import CalendarExhausted
from paidan_contracts.outcomes import Refusal
from paidan_contracts.state import CaseState
from paidan_dispatch.cases import assignment_updates, placing, transitions
from paidan_dispatch.cases.bilingual import Bilingual
from paidan_dispatch.cases.filing import Filed
from paidan_dispatch.cases.guards import build_refusal, not_supported_yet
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.provenance import Provenance
from paidan_dispatch.cases.routing import Assigned

EventsOrRefusal: TypeAlias = Sequence[CaseEvent] | Refusal


def apply_action(
    state: CaseState, request: ActionRequested, provenance: Provenance, policy: CityPolicy
) -> EventsOrRefusal:
    """Do what is asked; raises ``CalendarEnded`` where a limit would be set that cannot be counted out."""
    match request.action:
        case Accept():
            return [transitions.accepted(state, provenance)]
        case Void(reason=reason):
            return [transitions.voided(state, provenance, reason)]
        case Urge(reason=reason):
            return [transitions.urged(state, provenance, reason)]
        case Inspect(passed=passed) as action:
            return [
                transitions.closed(state, provenance, action)
                if passed
                else transitions.reworked(state, provenance, action)
            ]
        case CallBack() as action:
            return _call_back(state, action, provenance, policy)
        case action:
            return _apply_with_policy(state, action, provenance, policy)


def _apply_with_policy(
    state: CaseState,
    action: Verify | File | Assign | Redispatch | Return | Finish | UnsupportedAction,
    provenance: Provenance,
    policy: CityPolicy,
) -> EventsOrRefusal:
    match action:
        case Verify():
            return _verify(state, action, provenance, policy)
        case File(row_id=row_id):
            return _file(state, row_id, provenance, policy)
        case Assign(department=department) | Redispatch(department=department):
            return _assign(state, department, provenance, policy)
        case Return():
            returned = transitions.returned(state, provenance, action)
            return [returned, placing.route_or_hold(returned.state, provenance, policy)]
        case Finish():
            return _finish(state, action, provenance, policy)
        case unsupported:
            return not_supported_yet(state, unsupported.kind)


def _verify(state: CaseState, action: Verify, provenance: Provenance, policy: CityPolicy) -> EventsOrRefusal:
    if action.verified:
        return placing.file_and_route(state, provenance, policy)
    return [transitions.not_accepted(state, provenance, action.reason)]


def _file(state: CaseState, row_id: str, provenance: Provenance, policy: CityPolicy) -> EventsOrRefusal:
    row = policy.city.rows.get(row_id)
    if row is None:
        text = Bilingual(f"The catalogue has no row {row_id}.", f"立案标准中没有条目 {row_id}。")
        return build_refusal(state, "unknown_row", text, "action.row_id")
    filing = Filed(row, policy.rule_ref("by_hand"))
    if state.status == "filed":
        filed = transitions.filed(state, provenance, filing)
        return [filed, placing.route_or_hold(filed.state, provenance, policy)]
    began_at = assignment_updates.last_assignment(state).limits[-1].began_at
    limit = assignment_updates.next_limit(state, began_at, placing.handling_deadline(state, row, began_at, policy))
    return [transitions.refiled(state, provenance, filing, limit)]


def _assign(state: CaseState, department: str, provenance: Provenance, policy: CityPolicy) -> EventsOrRefusal:
    if department not in policy.city.departments:
        text = Bilingual(f"The city has no department {department}.", f"本市没有单位 {department}。")
        return build_refusal(state, "unknown_department", text, "action.department")
    if state.status in assignment_updates.ASSIGNED_STATUSES and department == state.department:
        text = Bilingual(f"It is with {department} already.", f"案件已在 {department}。")
        return build_refusal(state, "not_allowed_in_state", text, "action.department")
    return [placing.dispatch(state, provenance, Assigned(department, policy.rule_ref("by_hand")), policy)]


def _finish(state: CaseState, action: Finish, provenance: Provenance, policy: CityPolicy) -> EventsOrRefusal:
    row = policy.city.rows.get(state.row_id) if state.row_id else None
    if row is not None and "photo_after" in row.evidence and not action.proof and not state.past:
        text = Bilingual(f"Row {row.id} asks for a photo of the finished work.", f"条目 {row.id} 要求处置后照片。")
        return build_refusal(state, "proof_missing", text, "action.proof")
    return [transitions.finished(state, provenance, action)]


def _call_back(state: CaseState, action: CallBack, provenance: Provenance, policy: CityPolicy) -> EventsOrRefusal:
    callback = transitions.called_back(state, provenance, action)
    if not _should_reopen(state, action, provenance, policy):
        return [callback]
    limit = assignment_updates.next_limit(
        state, provenance.recorded_at, _reopened_deadline_or_none(state, provenance, policy)
    )
    return [callback, transitions.reopened(callback.state, provenance, limit)]


# Where next year's calendar is missing, residents are heard even so: the work begins anew, in a round without a limit.
def _reopened_deadline_or_none(state: CaseState, provenance: Provenance, policy: CityPolicy) -> datetime | None:
    try:
        return placing.reopened_deadline(state, provenance.recorded_at, policy)
    except CalendarExhausted:
        return None


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
