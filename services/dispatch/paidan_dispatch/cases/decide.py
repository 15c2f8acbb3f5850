"""Decides on actions and timers: checks role and state, then applies the transition. Reports: see ``reports``."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeGuard, get_args

from paidan_contracts.actions import Action, ActionRequested, Actor, CallBack, Inspect, SupportedAction, Verify, Void
from paidan_contracts.assignments import UnitOrder
from paidan_contracts.case_event import CaseEvent
from paidan_contracts.city.calendar import CalendarExhausted
from paidan_contracts.department_actions import Accept, Finish, Return, ReturnCode
from paidan_contracts.inbox import TimerDue
from paidan_contracts.outcomes import Refusal
from paidan_contracts.state import CaseState
from paidan_contracts.unit_actions import Confirm
from paidan_contracts.unvalidated import replace_unvalidated
from paidan_dispatch.cases import refusals
from paidan_dispatch.cases.authority import role_refusal
from paidan_dispatch.cases.case_state import ActResult, Provenance, action_provenance, has_handed_on, timer_provenance
from paidan_dispatch.cases.complaints import own_complaint_refusal
from paidan_dispatch.cases.guards import (
    ALLOWED_ACTIONS,
    NO_EVIDENCE,
    SUPPORTED_ACTIONS,
    TIME_LIMIT_ACTIONS,
    ActionEvidence,
    ActorRole,
)
from paidan_dispatch.cases.ladder import running_positions
from paidan_dispatch.cases.limit_refusals import no_clock_of_the_past
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.proofs import proof_refusal
from paidan_dispatch.cases.timers import (
    ESCALATION,
    HELPER_ACCEPT,
    HELPER_HANDLE,
    PLAN_STEP,
    PROMISE,
    RESUME,
    UNIT_HANDLE,
    WARNING,
    running_timers,
)
from paidan_dispatch.cases.transition_table import TRANSITIONS
from paidan_dispatch.cases.transitions import fulfilment, helper_orders, limit_timers, unit_orders
from paidan_dispatch.cases.transitions.escalation import take_step
from paidan_dispatch.cases.transitions.helper_orders import acting_helper
from paidan_dispatch.cases.transitions.suspension import due_resumption, resumed
from paidan_dispatch.cases.transitions.unit_orders import acting_unit


@dataclass(frozen=True, slots=True)
class Progressed:
    """A case took one or more steps."""

    before: CaseState
    events: tuple[CaseEvent, ...]

    @property
    def after(self) -> CaseState:
        """The case's newest state."""
        return self.events[-1].state


@dataclass(frozen=True, slots=True)
class Refused:
    """The action is not allowed; the state stays as it is."""

    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Ignored:
    """A timer without effect: cancelled, replaced, or consumed before."""

    reason: str


def decide(
    state: CaseState, request: ActionRequested, policy: CityPolicy, evidence: ActionEvidence = NO_EVIDENCE
) -> Progressed | Refused:
    """Return the steps that an action causes in this state, or why it is refused."""
    action, before = request.action, state
    first: tuple[CaseEvent, ...] = ()
    if not _is_supported(action):
        return Refused(refusals.not_supported(state, action))
    if state.status == "suspended" and (resumption := _due_resumption(state, request, policy)) is not None:
        # The timer may be consumed later: a deed after the date finds the case resumed.
        state, first = resumption.state, (resumption,)
    refusal = (
        (own_complaint_refusal(state, action.kind, request.actor, policy.city) if state.complained_of else None)
        or role_refusal(state, request, policy)
        or _state_refusal(state, request, evidence)
        or _content_refusal(state, action, request.actor.kind)
        or proof_refusal(state, request, evidence, policy)
    )
    if refusal is not None:
        return Refused(refusal)
    if isinstance(action, CallBack) and action.report_id is None:
        action = replace_unvalidated(action, report_id=request.of_report)
    try:
        result = _apply(state, action, action_provenance(request, policy), policy)
    except CalendarExhausted:
        return Refused(refusals.calendar_exhausted(state, policy.calendar_covers))
    return Refused(result) if isinstance(result, Refusal) else Progressed(before, (*first, *result))


def expire_timer(state: CaseState, timer: TimerDue, policy: CityPolicy) -> Progressed | Ignored:
    """Return the overdue step that a timer causes, once for each limit; a cancelled generation is ignored."""
    for running in running_timers(state):
        if (running.kind, running.generation) == (timer.kind, timer.generation):
            return Progressed(state, (_expired(state, timer, policy),))
    return Ignored(f"no {timer.kind} clock of generation {timer.generation} runs in state {state.status}")


def _expired(state: CaseState, timer: TimerDue, policy: CityPolicy) -> CaseEvent:
    provenance = timer_provenance(timer, policy)
    if timer.kind.endswith(ESCALATION):
        clock = timer.kind.removesuffix(ESCALATION)
        position = next(each for each in running_positions(state) if each.clock == clock)
        return take_step(state, position, provenance)
    base = timer.kind.removesuffix(WARNING)
    if base in (RESUME, PLAN_STEP, PROMISE):
        return limit_timers.expire(state, provenance, timer, policy)
    return _OVERDUE.get(base, fulfilment.overdue)(state, provenance, timer)


def _due_resumption(state: CaseState, request: ActionRequested, policy: CityPolicy) -> CaseEvent | None:
    at = due_resumption(state, request.recorded_at)
    if at is None:
        return None
    cause = action_provenance(request, policy).cause
    return resumed(state, Provenance(cause, at, at, policy), policy)


_OVERDUE: Final[Mapping[str, Callable[[CaseState, Provenance, TimerDue], CaseEvent]]] = MappingProxyType(
    {
        HELPER_ACCEPT: helper_orders.overdue,
        HELPER_HANDLE: helper_orders.overdue,
        UNIT_HANDLE: unit_orders.overdue,
    }
)


def _apply(state: CaseState, action: SupportedAction, provenance: Provenance, policy: CityPolicy) -> ActResult:
    if isinstance(action, Accept | Return | Finish):
        helper = acting_helper(state, provenance.actor)
        if helper is not None:
            return helper_orders.answer(state, helper, action, provenance, policy)
        if action.unit is not None or has_handed_on(state):
            order = acting_unit(state, provenance.actor, action)
            if isinstance(order, Refusal):
                return order
            if order is not None:
                return unit_orders.answer(state, order, action, provenance, policy)
    return TRANSITIONS[type(action)](state, action, provenance, policy)


def _is_supported(action: Action) -> TypeGuard[SupportedAction]:
    return action.kind in SUPPORTED_ACTIONS


def _state_refusal(state: CaseState, request: ActionRequested, evidence: ActionEvidence) -> Refusal | None:
    action, actor = request.action, request.actor
    if actor.kind == "source" and _source_of(state, request.of_report, evidence) != actor.id:
        return refusals.not_your_report(state, request.of_report)
    # Helpers and units have orders of their own, whose states their own answers decide.
    is_beside = actor.kind == "department" and (actor.id != state.department or _answers_for_unit(state, actor, action))
    if action.kind not in ALLOWED_ACTIONS[state.status] and not is_beside:
        return refusals.not_allowed_in_state(state, action.kind, actor.kind)
    if state.past and action.kind in TIME_LIMIT_ACTIONS:
        return no_clock_of_the_past(state)
    ends_case = isinstance(action, Void) or (isinstance(action, Verify) and not action.verified)
    if ends_case and request.of_report not in (None, state.opened_by):
        return refusals.merged_report(state, actor.kind)
    return None


def _answers_for_unit(state: CaseState, actor: Actor, action: Action) -> bool:
    """Return whether this is an answer to the order that is handed on, and not to the department's own."""
    if not isinstance(action, Accept | Return | Finish) or not has_handed_on(state):
        return False
    return isinstance(acting_unit(state, actor, action), UnitOrder)


def _source_of(state: CaseState, report_id: str | None, evidence: ActionEvidence) -> str | None:
    if evidence.report_source is not None or report_id is None:
        return evidence.report_source
    reports = {state.opened_by: state.source} | {each.report_id: each.source for each in state.joined}
    return reports.get(report_id)


def _content_refusal(state: CaseState, action: SupportedAction, role: ActorRole) -> Refusal | None:
    match action:
        case Return(code=code) if code not in get_args(ReturnCode):
            return refusals.unknown_return_code(state, code, role)
        case Verify(verified=False, reason="") | Confirm(confirmed=False, reason=""):
            return refusals.reason_missing(state, action.kind, role)
        case Inspect(passed=False, reason="") if not state.past:
            return refusals.reason_missing(state, action.kind, role)
        case _:
            return None
