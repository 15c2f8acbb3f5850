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
    NotSupportedYet,
    Redispatch,
    Return,
    Urge,
    Verify,
    Void,
)
from paidan_contracts.cases import CaseEvent
from paidan_contracts.city.calendar import CalendarEnded
from paidan_contracts.outcomes import Why
from paidan_contracts.state import CaseState
from paidan_dispatch.cases import assignment_updates, placing, transitions
from paidan_dispatch.cases.bilingual import Words
from paidan_dispatch.cases.filing import Filed
from paidan_dispatch.cases.guards import not_supported_yet, why
from paidan_dispatch.cases.policy import Bylaws
from paidan_dispatch.cases.provenance import Stamp
from paidan_dispatch.cases.routing import Placed

Steps: TypeAlias = Sequence[CaseEvent] | Why


def act(state: CaseState, request: ActionRequested, stamp: Stamp, bylaws: Bylaws) -> Steps:
    """Do what is asked; raises ``CalendarEnded`` where a limit would be set that cannot be counted out."""
    match request.action:
        case Accept():
            return [transitions.accepted(state, stamp)]
        case Void(reason=reason):
            return [transitions.voided(state, stamp, reason)]
        case Urge(reason=reason):
            return [transitions.urged(state, stamp, reason)]
        case Inspect(passed=passed) as action:
            return [transitions.closed(state, stamp, action) if passed else transitions.reworked(state, stamp, action)]
        case CallBack() as action:
            return _call_back(state, action, stamp, bylaws)
        case action:
            return _act_by_the_pack(state, action, stamp, bylaws)


def _act_by_the_pack(
    state: CaseState,
    action: Verify | File | Assign | Redispatch | Return | Finish | NotSupportedYet,
    stamp: Stamp,
    bylaws: Bylaws,
) -> Steps:
    match action:
        case Verify():
            return _verify(state, action, stamp, bylaws)
        case File(row_id=row_id):
            return _file(state, row_id, stamp, bylaws)
        case Assign(department=department) | Redispatch(department=department):
            return _give(state, department, stamp, bylaws)
        case Return():
            returned = transitions.returned(state, stamp, action)
            return [returned, placing.send_on(returned.state, stamp, bylaws)]
        case Finish():
            return _finish(state, action, stamp, bylaws)
        case unsupported:
            return not_supported_yet(state, unsupported.kind)


def _verify(state: CaseState, action: Verify, stamp: Stamp, bylaws: Bylaws) -> Steps:
    if action.verified:
        return placing.accept(state, stamp, bylaws)
    return [transitions.not_accepted(state, stamp, action.reason)]


def _file(state: CaseState, row_id: str, stamp: Stamp, bylaws: Bylaws) -> Steps:
    row = bylaws.city.rows.get(row_id)
    if row is None:
        words = Words(f"The catalogue has no row {row_id}.", f"立案标准中没有条目 {row_id}。")
        return why(state, "unknown_row", words, "action.row_id")
    filing = Filed(row, bylaws.receipt("by_hand"))
    if state.status == "filed":
        filed = transitions.filed(state, stamp, filing)
        return [filed, placing.send_on(filed.state, stamp, bylaws)]
    began_at = assignment_updates.last(state).limits[-1].began_at
    limit = assignment_updates.next_limit(state, began_at, placing.handling_ends(state, row, began_at, bylaws))
    return [transitions.refiled(state, stamp, filing, limit)]


def _give(state: CaseState, department: str, stamp: Stamp, bylaws: Bylaws) -> Steps:
    if department not in bylaws.city.departments:
        words = Words(f"The city has no department {department}.", f"本市没有单位 {department}。")
        return why(state, "unknown_department", words, "action.department")
    if state.status in assignment_updates.LIVE and department == state.department:
        words = Words(f"It is with {department} already.", f"案件已在 {department}。")
        return why(state, "not_allowed_in_state", words, "action.department")
    return [placing.dispatch(state, stamp, Placed(department, bylaws.receipt("by_hand")), bylaws)]


def _finish(state: CaseState, action: Finish, stamp: Stamp, bylaws: Bylaws) -> Steps:
    row = bylaws.city.rows.get(state.row_id) if state.row_id else None
    if row is not None and "photo_after" in row.evidence and not action.proof and not state.past:
        words = Words(f"Row {row.id} asks for a photo of the finished work.", f"条目 {row.id} 要求处置后照片。")
        return why(state, "proof_missing", words, "action.proof")
    return [transitions.finished(state, stamp, action)]


def _call_back(state: CaseState, action: CallBack, stamp: Stamp, bylaws: Bylaws) -> Steps:
    answered = transitions.called_back(state, stamp, action)
    if not _reopens(state, action, stamp, bylaws):
        return [answered]
    limit = assignment_updates.next_limit(state, stamp.at, _new_round_ends(state, stamp, bylaws))
    return [answered, transitions.reopened(answered.state, stamp, limit)]


# Where next year's calendar is missing, residents are heard even so: the work begins anew, in a round without a limit.
def _new_round_ends(state: CaseState, stamp: Stamp, bylaws: Bylaws) -> datetime | None:
    try:
        return placing.new_round_ends(state, stamp.at, bylaws)
    except CalendarEnded:
        return None


def _reopens(state: CaseState, action: CallBack, stamp: Stamp, bylaws: Bylaws) -> bool:
    terms = bylaws.city.clocks.reopening
    if action.rating != "dissatisfied" or not action.reasonable or state.reopened >= terms.times:
        return False
    if state.closed_at is None:
        return False
    try:
        return stamp.at <= bylaws.deadline(state.closed_at, terms.within)
    except CalendarEnded:
        return True
