"""Decides on actions and timers: checks role and state, then applies the transition. Reports: see ``reports``."""

from dataclasses import dataclass
from typing import TypeGuard, get_args

from paidan_contracts.actions import (
    Accept,
    Action,
    ActionRequested,
    Amend,
    Assign,
    CallBack,
    File,
    Finish,
    Inspect,
    Redispatch,
    Reply,
    Return,
    ReturnCode,
    SupportedAction,
    UnknownAction,
    Urge,
    Verify,
    Void,
)
from paidan_contracts.cases import CaseEvent
from paidan_contracts.city.calendar import CalendarExhausted
from paidan_contracts.inbox import TimerDue
from paidan_contracts.outcomes import Refusal
from paidan_contracts.state import CaseState
from paidan_dispatch.cases import guards
from paidan_dispatch.cases.bilingual import Bilingual
from paidan_dispatch.cases.case_state import ActResult, Provenance, action_provenance, running_timers, timer_provenance
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.transitions import callback, filing, fulfilment, routing


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


def decide(state: CaseState, request: ActionRequested, policy: CityPolicy) -> Progressed | Refused:
    """Return the steps that an action causes in this state, or why it is refused."""
    action = request.action
    if isinstance(action, UnknownAction):
        return Refused(guards.unknown_action(state, action.kind))
    if not _is_supported(action):
        return Refused(guards.not_supported_yet(state, action.kind))
    refusal = _role_refusal(state, request) or _state_refusal(state, request) or _content_refusal(state, action)
    if refusal is not None:
        return Refused(refusal)
    try:
        result = _apply(state, action, action_provenance(request, policy), policy)
    except CalendarExhausted:
        return Refused(guards.calendar_exhausted(state))
    return Refused(result) if isinstance(result, Refusal) else Progressed(state, tuple(result))


def expire_timer(state: CaseState, timer: TimerDue, policy: CityPolicy) -> Progressed | Ignored:
    """Return the overdue step that a timer causes, once for each limit; a cancelled generation is ignored."""
    for running in running_timers(state):
        if (running.kind, running.generation) == (timer.kind, timer.generation):
            return Progressed(state, (fulfilment.overdue(state, timer_provenance(timer, policy), timer.kind),))
    return Ignored(f"no {timer.kind} clock of generation {timer.generation} runs in state {state.status}")


def _apply(  # noqa: C901, PLR0911 - one arm for each action
    state: CaseState, action: SupportedAction, provenance: Provenance, policy: CityPolicy
) -> ActResult:
    match action:
        case Verify():
            return filing.verify(state, action, provenance, policy)
        case File():
            return filing.file(state, action, provenance, policy)
        case Void():
            return filing.void(state, action, provenance)
        case Assign() | Redispatch():
            return routing.assign(state, action, provenance, policy)
        case Accept():
            return fulfilment.accept(state, provenance)
        case Return():
            return fulfilment.return_order(state, action, provenance, policy)
        case Finish():
            return fulfilment.finish(state, action, provenance, policy)
        case Inspect():
            return fulfilment.inspect(state, action, provenance)
        case Urge():
            return fulfilment.urge(state, action, provenance)
        case CallBack():
            return callback.call_back(state, action, provenance, policy)
        case Amend() | Reply():
            return guards.not_supported_yet(state, action.kind)


def _is_supported(action: Action) -> TypeGuard[SupportedAction]:
    return action.kind in guards.SUPPORTED_ACTIONS


def _role_refusal(state: CaseState, request: ActionRequested) -> Refusal | None:
    kind, actor = request.action.kind, request.actor
    if kind == "inspect" and actor.kind != "importer" and actor.id == state.department:
        text = Bilingual("Who did the work may not inspect it.", "处置单位不得核查自己的处置。")
        return guards.build_refusal(state, "doer_may_not_inspect", text, "actor")
    if kind not in guards.ROLE_ACTIONS[actor.kind]:
        text = Bilingual(f"{actor.kind} is no role that may {kind}.", f"角色 {actor.kind} 无权进行此操作。")
        return guards.build_refusal(state, "not_your_role", text, "actor")
    if actor.kind == "department" and actor.id != state.department:
        text = Bilingual("The order is not yours.", "该派单不属于贵单位。")
        return guards.build_refusal(state, "not_your_order", text, "actor")
    return None


def _state_refusal(state: CaseState, request: ActionRequested) -> Refusal | None:
    action = request.action
    if action.kind not in guards.ALLOWED_ACTIONS[state.status]:
        text = Bilingual(f"The action {action.kind} is not allowed now.", "当前状态下不可进行此操作。")
        return guards.build_refusal(state, "not_allowed_in_state", text, "action.kind")
    ends_case = isinstance(action, Void) or (isinstance(action, Verify) and not action.verified)
    if ends_case and request.of_report not in (None, state.opened_by):
        text = Bilingual(
            "The report joined a case that another one opened, which goes on.",
            "该上报已并入他人上报的案件，案件继续办理。",
        )
        return guards.build_refusal(state, "merged_report", text, "of_report")
    return None


def _content_refusal(state: CaseState, action: SupportedAction) -> Refusal | None:
    if isinstance(action, Return) and action.code not in get_args(ReturnCode):
        return guards.unknown_return_code(state)
    match action:
        case Assign(reason=reason) | Redispatch(reason=reason) | Return(reason=reason) | Void(reason=reason):
            is_missing = not reason.strip()
        case Verify(verified=False, reason=reason):
            is_missing = not reason.strip()
        case _:
            is_missing = False
    if not is_missing:
        return None
    text = Bilingual("A reason is needed.", "须填写理由。")
    return guards.build_refusal(state, "reason_missing", text, "action.reason")
