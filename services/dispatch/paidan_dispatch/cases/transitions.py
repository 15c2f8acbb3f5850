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
from paidan_contracts.unvalidated import unvalidated_constructor
from paidan_dispatch.cases import assignment_updates
from paidan_dispatch.cases.filing import Filed
from paidan_dispatch.cases.provenance import Provenance, event_fields

# Every part comes from a state, a request or the pack, which were checked when they came in.
_new_accepted: Final = unvalidated_constructor(CaseAccepted)
_new_called_back: Final = unvalidated_constructor(CaseCalledBack)
_new_closed: Final = unvalidated_constructor(CaseClosed)
_new_dispatched: Final = unvalidated_constructor(CaseDispatched)
_new_filed: Final = unvalidated_constructor(CaseFiled)
_new_finished: Final = unvalidated_constructor(CaseFinished)
_new_held: Final = unvalidated_constructor(CaseHeld)
_new_merged: Final = unvalidated_constructor(CaseMerged)
_new_not_accepted: Final = unvalidated_constructor(CaseNotAccepted)
_new_opened: Final = unvalidated_constructor(CaseOpened)
_new_overdue: Final = unvalidated_constructor(CaseOverdue)
_new_reopened: Final = unvalidated_constructor(CaseReopened)
_new_returned: Final = unvalidated_constructor(CaseReturned)
_new_reworked: Final = unvalidated_constructor(CaseReworked)
_new_urged: Final = unvalidated_constructor(CaseUrged)
_new_voided: Final = unvalidated_constructor(CaseVoided)
_new_assignment: Final = unvalidated_constructor(Assignment)


def opened(report: ReportReceived, provenance: Provenance, first_state: CaseState) -> CaseOpened:
    """上报/受理: the first step, whose state is put together elsewhere."""
    return _new_opened(**event_fields(first_state, provenance), report_id=report.report_id)


def merged(state: CaseState, provenance: Provenance, report: ReportReceived, metres: float) -> CaseMerged:
    """Another report of the same thing joined."""
    after = _next_state(state, provenance, reports=state.reports + 1)
    return _new_merged(**event_fields(after, provenance), report_id=report.report_id, metres=metres)


def filed(state: CaseState, provenance: Provenance, filing: Filed) -> CaseFiled:
    """立案: after verification, or anew while it waits for a department."""
    after = _next_state(
        state, provenance, status="filed", held_because=None, filed_at=provenance.recorded_at, **_filing_fields(filing)
    )
    return _new_filed(**event_fields(after, provenance), row_id=filing.row.id, filed_by=filing.filed_by)


def refiled(state: CaseState, provenance: Provenance, filing: Filed, limit: Limit) -> CaseFiled:
    """立案 anew while a department has it: the other row's limit runs from where the first began."""
    assignments = assignment_updates.replace_last(
        state, assignment_updates.refiled(assignment_updates.last_assignment(state), limit)
    )
    after = _next_state(
        state, provenance, filed_at=provenance.recorded_at, assignments=assignments, **_filing_fields(filing)
    )
    return _new_filed(**event_fields(after, provenance), row_id=filing.row.id, filed_by=filing.filed_by)


def held(state: CaseState, provenance: Provenance, reason: str) -> CaseHeld:
    """It waits at the hard-to-place desk."""
    after = _next_state(state, provenance, status="filed", held_because=reason)
    return _new_held(**event_fields(after, provenance), reason=reason)


def dispatched(state: CaseState, provenance: Provenance, assignment: Assignment) -> CaseDispatched:
    """派遣: a new assignment begins, and one that still runs ends."""
    assignments = state.assignments
    if state.status in assignment_updates.ASSIGNED_STATUSES:
        assignments = assignment_updates.replace_last(
            state,
            assignment_updates.ended(
                assignment_updates.last_assignment(state), provenance.recorded_at, withdrawn_at=provenance.recorded_at
            ),
        )
    after = _next_state(
        state,
        provenance,
        status="dispatched",
        department=assignment.department,
        held_because=None,
        assignments=(*assignments, assignment),
    )
    return _new_dispatched(
        **event_fields(after, provenance),
        department=assignment.department,
        order_id=assignment.order_id,
        placed_by=assignment.placed_by,
        due_at=assignment.limits[-1].due_at,
    )


def new_assignment(
    state: CaseState, department: str, placed_by: RuleRef, *, accept_by: datetime | None, limit: Limit
) -> Assignment:
    """Begin the case's next assignment."""
    number = len(state.assignments) + 1
    return _new_assignment(
        number=number,
        order_id=ids.order_id(state.case_id, number),
        department=department,
        placed_by=placed_by,
        dispatched_at=limit.began_at,
        accept_by=accept_by,
        limits=(limit,),
    )


def accepted(state: CaseState, provenance: Provenance) -> CaseAccepted:
    """签收."""
    assignment = assignment_updates.accepted(assignment_updates.last_assignment(state), provenance.recorded_at)
    after = _next_state(
        state, provenance, status="handling", assignments=assignment_updates.replace_last(state, assignment)
    )
    return _new_accepted(**event_fields(after, provenance), department=assignment.department)


def returned(state: CaseState, provenance: Provenance, action: Return) -> CaseReturned:
    """退单: it goes back, and counts as a hop."""
    assignment = assignment_updates.ended(
        assignment_updates.last_assignment(state),
        provenance.recorded_at,
        returned_at=provenance.recorded_at,
        return_code=action.code,
    )
    assignments = assignment_updates.replace_last(state, assignment)
    after = _next_state(state, provenance, status="filed", hops=state.hops + 1, assignments=assignments)
    return _new_returned(
        **event_fields(after, provenance), department=assignment.department, code=action.code, reason=action.reason
    )


def finished(state: CaseState, provenance: Provenance, action: Finish) -> CaseFinished:
    """处置完成: it waits for inspection."""
    assignment = assignment_updates.finished(
        assignment_updates.last_assignment(state), provenance.recorded_at, action.proof
    )
    after = _next_state(
        state, provenance, status="inspecting", assignments=assignment_updates.replace_last(state, assignment)
    )
    return _new_finished(
        **event_fields(after, provenance),
        department=assignment.department,
        late=assignment.limits[-1].late,
        text=action.text,
        proof=action.proof,
    )


def reworked(state: CaseState, provenance: Provenance, action: Inspect) -> CaseReworked:
    """返工: the same department goes on, and the same clock."""
    assignment = assignment_updates.inspection_failed(assignment_updates.last_assignment(state))
    after = _next_state(
        state,
        provenance,
        status="handling",
        round=state.round + 1,
        inspected_at=provenance.recorded_at,
        assignments=assignment_updates.replace_last(state, assignment),
    )
    return _new_reworked(
        **event_fields(after, provenance), department=assignment.department, reason=action.reason, proof=action.proof
    )


def closed(state: CaseState, provenance: Provenance, action: Inspect) -> CaseClosed:
    """结案."""
    after = _next_state(
        state, provenance, status="closed", inspected_at=provenance.recorded_at, closed_at=provenance.recorded_at
    )
    return _new_closed(**event_fields(after, provenance), reason=action.reason, proof=action.proof)


def called_back(state: CaseState, provenance: Provenance, action: CallBack) -> CaseCalledBack:
    """回访: what the resident said is kept, whatever follows."""
    callback = CalledBack(
        rating=action.rating,
        solved=action.solved,
        reasonable=action.reasonable,
        at=provenance.recorded_at,
        round=state.round,
    )
    after = _next_state(state, provenance, called_back=(*state.called_back, callback))
    return _new_called_back(**event_fields(after, provenance), rating=action.rating)


def reopened(state: CaseState, provenance: Provenance, limit: Limit) -> CaseReopened:
    """重办: a round with a limit of its own."""
    assignment = assignment_updates.reopened(assignment_updates.last_assignment(state), limit)
    after = _next_state(
        state,
        provenance,
        status="handling",
        closed_at=None,
        round=state.round + 1,
        reopened=state.reopened + 1,
        assignments=assignment_updates.replace_last(state, assignment),
    )
    return _new_reopened(**event_fields(after, provenance), department=assignment.department, due_at=limit.due_at)


def voided(state: CaseState, provenance: Provenance, reason: str) -> CaseVoided:
    """作废."""
    assignments = state.assignments
    if state.status in assignment_updates.ASSIGNED_STATUSES:
        assignments = assignment_updates.replace_last(
            state,
            assignment_updates.ended(
                assignment_updates.last_assignment(state), provenance.recorded_at, withdrawn_at=provenance.recorded_at
            ),
        )
    ended = _ended_fields(reason, provenance)
    after = _next_state(state, provenance, status="voided", held_because=None, assignments=assignments, **ended)
    return _new_voided(**event_fields(after, provenance), reason=reason)


def not_accepted(state: CaseState, provenance: Provenance, reason: str) -> CaseNotAccepted:
    """不予受理."""
    after = _next_state(state, provenance, status="not_accepted", **_ended_fields(reason, provenance))
    return _new_not_accepted(**event_fields(after, provenance), reason=reason)


def urged(state: CaseState, provenance: Provenance, reason: str) -> CaseUrged:
    """催办."""
    after = _next_state(state, provenance, urged=state.urged + 1)
    return _new_urged(
        **event_fields(after, provenance),
        department=assignment_updates.last_assignment(state).department,
        reason=reason,
    )


def overdue(state: CaseState, provenance: Provenance, timer_kind: TimerKind) -> CaseOverdue:
    """A clock ran out."""
    assignment = assignment_updates.last_assignment(state)
    assignment = (
        assignment_updates.accept_overdue(assignment)
        if timer_kind == "accept"
        else assignment_updates.handling_overdue(assignment)
    )
    after = _next_state(state, provenance, assignments=assignment_updates.replace_last(state, assignment))
    return _new_overdue(
        **event_fields(after, provenance),
        department=assignment.department,
        clock=timer_kind,
        due_at=provenance.recorded_at,
    )


class _FilingFields(TypedDict):
    class_code: str
    row_id: str
    suggested_row: None
    filed_by: RuleRef


def _filing_fields(filing: Filed) -> _FilingFields:
    row = filing.row
    return {"class_code": row.class_code, "row_id": row.id, "suggested_row": None, "filed_by": filing.filed_by}


def _ended_fields(reason: str, provenance: Provenance) -> dict[Literal["ended_because", "ended_at"], object]:
    return {"ended_because": reason, "ended_at": provenance.recorded_at}


def _next_state(state: CaseState, provenance: Provenance, **changes: object) -> CaseState:
    return unvalidated.replace_unvalidated(
        state, version=state.version + 1, city_version=provenance.city_version, **changes
    )
