"""处置: a department accepts, returns or finishes its order, is urged or overdue; an inspection closes the case."""

from typing import Final

from paidan_contracts.actions import Inspect, Urge
from paidan_contracts.assignments import Assignment
from paidan_contracts.case_event import CaseEvent
from paidan_contracts.cases import CaseAccepted, CaseClosed, CaseFinished, CaseReturned, CaseReworked, CaseUrged
from paidan_contracts.clock_events import CaseClockOverdue, CaseClockWarned, CaseOverdue
from paidan_contracts.department_actions import Finish, Return
from paidan_contracts.escalations import CaseEscalation
from paidan_contracts.extensible import Unknown
from paidan_contracts.inbox import TimerDue
from paidan_contracts.outcomes import Refusal
from paidan_contracts.state import CaseState
from paidan_contracts.unvalidated import replace_unvalidated, unvalidated_constructor
from paidan_contracts.wire import SCREENED_CHANNELS, AnyTimerKind, TimerKind
from paidan_dispatch.cases import answers
from paidan_dispatch.cases.bilingual import Bilingual
from paidan_dispatch.cases.case_state import (
    ActResult,
    Provenance,
    end_assignment,
    event_fields,
    next_state,
    replace_assignment,
    replace_limit,
    replace_unit_order,
    stop_accept_limit,
    stop_limit,
)
from paidan_dispatch.cases.emergencies import limit_of_rework
from paidan_dispatch.cases.ladder import advance, running_limit
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.refusals import build_refusal
from paidan_dispatch.cases.timers import WARNING
from paidan_dispatch.cases.transitions.routing import route_or_hold

_new_accepted: Final = unvalidated_constructor(CaseAccepted)
_new_clock_overdue: Final = unvalidated_constructor(CaseClockOverdue)
_new_warned: Final = unvalidated_constructor(CaseClockWarned)
_new_closed: Final = unvalidated_constructor(CaseClosed)
_new_finished: Final = unvalidated_constructor(CaseFinished)
_new_overdue: Final = unvalidated_constructor(CaseOverdue)
_new_returned: Final = unvalidated_constructor(CaseReturned)
_new_reworked: Final = unvalidated_constructor(CaseReworked)
_new_urged: Final = unvalidated_constructor(CaseUrged)


def accept(state: CaseState, provenance: Provenance) -> list[CaseEvent]:
    """签收: the department takes the order; its accept limit stops."""
    at = provenance.recorded_at
    assignment = stop_accept_limit(state.assignments[-1], at).model_copy(update={"accepted_at": at})
    after = next_state(state, provenance, status="handling", assignments=replace_assignment(state, assignment))
    return [_new_accepted(**event_fields(after, provenance), department=assignment.department)]


def return_order(state: CaseState, action: Return, provenance: Provenance, policy: CityPolicy) -> ActResult:
    """退单: the department gives the order back, which counts as a hop; the case is routed again."""
    at = provenance.recorded_at
    assignments = end_assignment(state, at, returned_at=at, return_code=action.code)
    after = next_state(state, provenance, status="filed", hops=state.hops + 1, assignments=assignments)
    returned = _new_returned(
        **event_fields(after, provenance),
        department=assignments[-1].department,
        code=action.code,
        reason=action.reason,
    )
    return [returned, route_or_hold(after, provenance, policy)]


def finish(state: CaseState, action: Finish, provenance: Provenance, policy: CityPolicy) -> ActResult:
    """处置完成: the work is done and waits for inspection; the last time it is finished counts.

    Work that is finished was accepted, too, unless the city's pack wants that said first.
    """
    refusal = proof_missing(state, action, policy)
    if refusal is not None:
        return refusal
    if state.status != "dispatched":
        return [finished(state, state.assignments[-1], action, provenance)]
    if not policy.city.clocks.finish_without_accept and not state.past:
        text = Bilingual("This city wants an order accepted before it is finished.", "本市要求先签收，再处置完成。")
        return build_refusal(state, "not_allowed_in_state", text, "action.kind", role="department")
    accepted = accept(state, provenance)
    state = accepted[-1].state
    return [*accepted, finished(state, state.assignments[-1], action, provenance)]


def proof_missing(state: CaseState, action: Finish, policy: CityPolicy) -> Refusal | None:
    """Return the refusal of a finish without the photos that the case's row asks for."""
    row = policy.city.rows.get(state.row_id or "")
    if row is None or "photo_after" not in row.evidence or action.proof or state.past:
        return None
    text = Bilingual(
        f"Row {row.id} asks for a photo of the finished work: 1 to 20 in proof.",
        f"条目 {row.id} 要求处置后照片：proof 须有 1 至 20 张。",
    )
    return build_refusal(state, "proof_missing", text, "action.proof")


def finished(
    state: CaseState, assignment: Assignment, action: Finish, provenance: Provenance, unit: str | None = None
) -> CaseFinished:
    """Return the step by which the department's work is done; what it handed on inside ends with it."""
    at = provenance.recorded_at
    assignment, limit = replace_unit_order(assignment, at, withdrawn_at=at), assignment.limits[-1]
    late = None if limit.due_at is None else at > limit.due_at
    finished_limit = stop_limit(limit, at).model_copy(update={"finished_at": at, "late": late})
    finished = replace_limit(assignment, finished_limit).model_copy(update={"text": action.text, "proof": action.proof})
    after = next_state(state, provenance, status="inspecting", assignments=replace_assignment(state, finished))
    return _new_finished(
        **event_fields(after, provenance),
        department=assignment.department,
        unit=unit,
        late=late,
        text=action.text,
        proof=action.proof,
        latitude=action.latitude,
        longitude=action.longitude,
    )


def inspect(state: CaseState, action: Inspect, provenance: Provenance, policy: CityPolicy) -> ActResult:
    """核查: close (结案) when it passes; else rework (返工) by the same department, under the same deadline."""
    at = provenance.recorded_at
    if action.passed:
        after = next_state(
            state,
            provenance,
            status="closed",
            inspected_at=at,
            closed_at=at,
            answer=_public_answer(state, action),
            callbacks_awaited=reporters_to_call(state, policy),
        )
        return [_new_closed(**event_fields(after, provenance), reason=action.reason, proof=action.proof)]
    assignment = state.assignments[-1]
    reworked = assignment.model_copy(update={"reworks": assignment.reworks + 1})
    if policy.emergencies:
        reworked = replace_limit(reworked, limit_of_rework(state, at, policy))
    after = next_state(
        state,
        provenance,
        status="handling",
        round=state.round + 1,
        inspected_at=at,
        assignments=replace_assignment(state, reworked),
    )
    return [
        _new_reworked(
            **event_fields(after, provenance),
            department=assignment.department,
            reason=action.reason,
            proof=action.proof,
        )
    ]


def _public_answer(state: CaseState, action: Inspect) -> str | None:
    return action.answer or state.assignments[-1].text or (None if state.past else answers.CLOSED)


def reporters_to_call(state: CaseState, policy: CityPolicy) -> tuple[str, ...]:
    """Return the reports whose reporters are called back when a case closes, in the order of their arrival."""
    if state.past:
        return ()
    is_asked = state.reporter is not None and policy.calls_back(state.source)
    if is_asked and state.channel not in SCREENED_CHANNELS and state.opened_by not in state.callbacks_wanted:
        # Opened by a release that did not yet keep who is to be called, or under a pack that said otherwise.
        return state.opened_by, *state.callbacks_wanted
    return state.callbacks_wanted


def urge(state: CaseState, action: Urge, provenance: Provenance) -> ActResult:
    """催办: remind the department; the status stays."""
    after = next_state(state, provenance, urged=state.urged + 1)
    department = state.assignments[-1].department
    return [_new_urged(**event_fields(after, provenance), department=department, reason=action.reason)]


def overdue(
    state: CaseState, provenance: Provenance, timer: TimerDue
) -> CaseOverdue | CaseClockOverdue | CaseClockWarned:
    """超时: a limit has passed, or soon will: of the running assignment, or of a stage no department answers for."""
    if timer.kind.endswith(WARNING):
        return _warned(state, provenance, timer)
    if timer.kind not in ("accept", "handle"):
        return _clock_overdue(state, provenance)
    assignment = state.assignments[-1]
    if timer.kind == "accept":
        assignment = assignment.model_copy(update={"accept_overdue_at": assignment.accept_by})
    else:
        limit = assignment.limits[-1]
        assignment = replace_limit(assignment, limit.model_copy(update={"overdue_at": limit.due_at}))
    after = next_state(
        state,
        provenance,
        assignments=replace_assignment(state, assignment),
        escalation=_ladder_from(state, timer.kind, provenance),
    )
    return _new_overdue(
        **event_fields(after, provenance),
        department=assignment.department,
        clock=timer.kind,
        due_at=provenance.recorded_at,
    )


def _warned(state: CaseState, provenance: Provenance, timer: TimerDue) -> CaseClockWarned:
    kind, at = Unknown(timer.kind.removesuffix(WARNING)), provenance.recorded_at
    escalation = _ladder_from(state, kind, provenance)
    if kind not in ("accept", "handle"):
        clock = state.clocks[-1]
        told = replace_unvalidated(clock, warn_at=None, warned_at=at)
        after = next_state(state, provenance, clocks=(*state.clocks[:-1], told), escalation=escalation)
        return _new_warned(**event_fields(after, provenance), clock=clock.kind, due_at=clock.due_at)
    assignment = state.assignments[-1]
    limit, department = assignment.limits[-1], assignment.department
    if kind == "accept":
        warned, due_at = replace_unvalidated(assignment, accept_warn_at=None, accept_warned_at=at), assignment.accept_by
    else:
        warned, due_at = replace_limit(assignment, replace_unvalidated(limit, warn_at=None, warned_at=at)), limit.due_at
    after = next_state(state, provenance, assignments=replace_assignment(state, warned), escalation=escalation)
    clock_kind: TimerKind = "accept" if kind == "accept" else "handle"
    due_at = due_at or provenance.recorded_at
    return _new_warned(**event_fields(after, provenance), clock=clock_kind, due_at=due_at, department=department)


def _clock_overdue(state: CaseState, provenance: Provenance) -> CaseClockOverdue:
    clock = state.clocks[-1]
    clocks = (*state.clocks[:-1], clock.model_copy(update={"overdue_at": clock.due_at}))
    escalation = _ladder_from(state, clock.kind, provenance)
    after = next_state(state, provenance, clocks=clocks, escalation=escalation)
    return _new_clock_overdue(**event_fields(after, provenance), clock=clock.kind, due_at=clock.due_at)


def _ladder_from(state: CaseState, clock: AnyTimerKind, provenance: Provenance) -> CaseEscalation | None:
    """Return the case's escalation once a limit is about to pass or has: the city's ladder begins there."""
    limit = running_limit(state, clock)
    if limit is None:
        return state.escalation
    return advance(state, limit, provenance.recorded_at, provenance.policy)
