"""Every step that a case can take, as an event with the next version and the whole next state. None of them judges."""

from datetime import datetime
from typing import Final, Literal, TypedDict

from paidan_contracts import ids, unvalidated
from paidan_contracts.actions import CallBack, Finish, Inspect, Return
from paidan_contracts.cases import (
    CaseAccepted,
    CaseCalledBack,
    CaseClosed,
    CaseDispatched,
    CaseFiled,
    CaseFinished,
    CaseHeld,
    CaseMerged,
    CaseNotAccepted,
    CaseOpened,
    CaseOverdue,
    CaseReopened,
    CaseReturned,
    CaseReworked,
    CaseUrged,
    CaseVoided,
)
from paidan_contracts.inbox import TimerKind
from paidan_contracts.reports import ReportReceived
from paidan_contracts.state import Assignment, CalledBack, CaseState, Limit, RuleRef
from paidan_contracts.unvalidated import unchecked
from paidan_dispatch.cases import assignment_updates
from paidan_dispatch.cases.filing import Filed
from paidan_dispatch.cases.provenance import Stamp, head

# Every part comes from a state, a request or the pack, which were checked when they came in.
_made_accepted: Final = unchecked(CaseAccepted)
_made_calledback: Final = unchecked(CaseCalledBack)
_made_closed: Final = unchecked(CaseClosed)
_made_dispatched: Final = unchecked(CaseDispatched)
_made_filed: Final = unchecked(CaseFiled)
_made_finished: Final = unchecked(CaseFinished)
_made_held: Final = unchecked(CaseHeld)
_made_merged: Final = unchecked(CaseMerged)
_made_notaccepted: Final = unchecked(CaseNotAccepted)
_made_opened: Final = unchecked(CaseOpened)
_made_overdue: Final = unchecked(CaseOverdue)
_made_reopened: Final = unchecked(CaseReopened)
_made_returned: Final = unchecked(CaseReturned)
_made_reworked: Final = unchecked(CaseReworked)
_made_urged: Final = unchecked(CaseUrged)
_made_voided: Final = unchecked(CaseVoided)
_made_assignment: Final = unchecked(Assignment)


def opened(report: ReportReceived, stamp: Stamp, first: CaseState) -> CaseOpened:
    """上报/受理: the first step, whose state is put together elsewhere."""
    return _made_opened(**head(first, stamp), report_id=report.report_id)


def merged(state: CaseState, stamp: Stamp, report: ReportReceived, metres: float) -> CaseMerged:
    """Another report of the same thing joined."""
    after = _next(state, stamp, reports=state.reports + 1)
    return _made_merged(**head(after, stamp), report_id=report.report_id, metres=metres)


def filed(state: CaseState, stamp: Stamp, filing: Filed) -> CaseFiled:
    """立案: after verification, or anew while it waits for a department."""
    after = _next(state, stamp, status="filed", held_because=None, filed_at=stamp.at, **_by_row(filing))
    return _made_filed(**head(after, stamp), row_id=filing.row.id, filed_by=filing.filed_by)


def refiled(state: CaseState, stamp: Stamp, filing: Filed, limit: Limit) -> CaseFiled:
    """立案 anew while a department has it: the other row's limit runs from where the first began."""
    assignments = assignment_updates.with_last(state, assignment_updates.refiled(assignment_updates.last(state), limit))
    after = _next(state, stamp, filed_at=stamp.at, assignments=assignments, **_by_row(filing))
    return _made_filed(**head(after, stamp), row_id=filing.row.id, filed_by=filing.filed_by)


def held(state: CaseState, stamp: Stamp, because: str) -> CaseHeld:
    """It waits at the hard-to-place desk."""
    after = _next(state, stamp, status="filed", held_because=because)
    return _made_held(**head(after, stamp), reason=because)


def dispatched(state: CaseState, stamp: Stamp, turn: Assignment) -> CaseDispatched:
    """派遣: a new assignment begins, and one that still runs ends."""
    before = state.assignments
    if state.status in assignment_updates.LIVE:
        before = assignment_updates.with_last(
            state, assignment_updates.given_up(assignment_updates.last(state), stamp.at, withdrawn_at=stamp.at)
        )
    after = _next(
        state,
        stamp,
        status="dispatched",
        department=turn.department,
        held_because=None,
        assignments=(*before, turn),
    )
    return _made_dispatched(
        **head(after, stamp),
        department=turn.department,
        order_id=turn.order_id,
        placed_by=turn.placed_by,
        due_at=turn.limits[-1].due_at,
    )


def turn_of(
    state: CaseState, department: str, placed_by: RuleRef, *, accept_by: datetime | None, limit: Limit
) -> Assignment:
    """Begin the case's next assignment."""
    number = len(state.assignments) + 1
    return _made_assignment(
        number=number,
        order_id=ids.order_id(state.case_id, number),
        department=department,
        placed_by=placed_by,
        dispatched_at=limit.began_at,
        accept_by=accept_by,
        limits=(limit,),
    )


def accepted(state: CaseState, stamp: Stamp) -> CaseAccepted:
    """签收."""
    turn = assignment_updates.accepted(assignment_updates.last(state), stamp.at)
    after = _next(state, stamp, status="handling", assignments=assignment_updates.with_last(state, turn))
    return _made_accepted(**head(after, stamp), department=turn.department)


def returned(state: CaseState, stamp: Stamp, action: Return) -> CaseReturned:
    """退单: it goes back, and counts as a hop."""
    turn = assignment_updates.given_up(
        assignment_updates.last(state), stamp.at, returned_at=stamp.at, return_code=action.code
    )
    assignments = assignment_updates.with_last(state, turn)
    after = _next(state, stamp, status="filed", hops=state.hops + 1, assignments=assignments)
    return _made_returned(**head(after, stamp), department=turn.department, code=action.code, reason=action.reason)


def finished(state: CaseState, stamp: Stamp, action: Finish) -> CaseFinished:
    """处置完成: it waits for inspection."""
    turn = assignment_updates.finished(assignment_updates.last(state), stamp.at, action.proof)
    after = _next(state, stamp, status="inspecting", assignments=assignment_updates.with_last(state, turn))
    return _made_finished(
        **head(after, stamp),
        department=turn.department,
        late=turn.limits[-1].late,
        text=action.text,
        proof=action.proof,
    )


def reworked(state: CaseState, stamp: Stamp, action: Inspect) -> CaseReworked:
    """返工: the same department goes on, and the same clock."""
    turn = assignment_updates.failed(assignment_updates.last(state))
    after = _next(
        state,
        stamp,
        status="handling",
        round=state.round + 1,
        inspected_at=stamp.at,
        assignments=assignment_updates.with_last(state, turn),
    )
    return _made_reworked(**head(after, stamp), department=turn.department, reason=action.reason, proof=action.proof)


def closed(state: CaseState, stamp: Stamp, action: Inspect) -> CaseClosed:
    """结案."""
    after = _next(state, stamp, status="closed", inspected_at=stamp.at, closed_at=stamp.at)
    return _made_closed(**head(after, stamp), reason=action.reason, proof=action.proof)


def called_back(state: CaseState, stamp: Stamp, action: CallBack) -> CaseCalledBack:
    """回访: what the resident said is kept, whatever follows."""
    word = CalledBack(
        rating=action.rating, solved=action.solved, reasonable=action.reasonable, at=stamp.at, round=state.round
    )
    after = _next(state, stamp, called_back=(*state.called_back, word))
    return _made_calledback(**head(after, stamp), rating=action.rating)


def reopened(state: CaseState, stamp: Stamp, limit: Limit) -> CaseReopened:
    """重办: a round with a limit of its own."""
    turn = assignment_updates.reopened(assignment_updates.last(state), limit)
    after = _next(
        state,
        stamp,
        status="handling",
        closed_at=None,
        round=state.round + 1,
        reopened=state.reopened + 1,
        assignments=assignment_updates.with_last(state, turn),
    )
    return _made_reopened(**head(after, stamp), department=turn.department, due_at=limit.due_at)


def voided(state: CaseState, stamp: Stamp, reason: str) -> CaseVoided:
    """作废."""
    assignments = state.assignments
    if state.status in assignment_updates.LIVE:
        assignments = assignment_updates.with_last(
            state, assignment_updates.given_up(assignment_updates.last(state), stamp.at, withdrawn_at=stamp.at)
        )
    ended = _ended(reason, stamp)
    after = _next(state, stamp, status="voided", held_because=None, assignments=assignments, **ended)
    return _made_voided(**head(after, stamp), reason=reason)


def not_accepted(state: CaseState, stamp: Stamp, reason: str) -> CaseNotAccepted:
    """不予受理."""
    after = _next(state, stamp, status="not_accepted", **_ended(reason, stamp))
    return _made_notaccepted(**head(after, stamp), reason=reason)


def urged(state: CaseState, stamp: Stamp, reason: str) -> CaseUrged:
    """催办."""
    after = _next(state, stamp, urged=state.urged + 1)
    return _made_urged(**head(after, stamp), department=assignment_updates.last(state).department, reason=reason)


def overdue(state: CaseState, stamp: Stamp, clock: TimerKind) -> CaseOverdue:
    """A clock ran out."""
    turn = assignment_updates.last(state)
    turn = assignment_updates.accept_ran_out(turn) if clock == "accept" else assignment_updates.handling_ran_out(turn)
    after = _next(state, stamp, assignments=assignment_updates.with_last(state, turn))
    return _made_overdue(**head(after, stamp), department=turn.department, clock=clock, due_at=stamp.at)


class _ByRow(TypedDict):
    class_code: str
    row_id: str
    suggested_row: None
    filed_by: RuleRef


def _by_row(filing: Filed) -> _ByRow:
    row = filing.row
    return {"class_code": row.class_code, "row_id": row.id, "suggested_row": None, "filed_by": filing.filed_by}


def _ended(reason: str, stamp: Stamp) -> dict[Literal["ended_because", "ended_at"], object]:
    return {"ended_because": reason, "ended_at": stamp.at}


def _next(state: CaseState, stamp: Stamp, **changed: object) -> CaseState:
    return unvalidated.changed(state, version=state.version + 1, city_version=stamp.version, **changed)
