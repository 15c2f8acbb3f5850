"""建设计划: a wish for what does not exist yet waits there with a date, and is struck off when it is built."""

from datetime import datetime
from typing import Final

from paidan_contracts.case_event import CaseEvent
from paidan_contracts.construction_actions import PlanConstruction, StrikeOff
from paidan_contracts.construction_events import CaseConstructionPlanned, CaseStruckOff
from paidan_contracts.outcomes import Refusal
from paidan_contracts.state import CaseState, StageClock
from paidan_contracts.unvalidated import unvalidated_constructor
from paidan_dispatch.cases import answers, limit_refusals
from paidan_dispatch.cases.bilingual import Bilingual
from paidan_dispatch.cases.case_state import (
    ASSIGNED_STATUSES,
    ActResult,
    Provenance,
    clocks_ended,
    end_assignment,
    event_fields,
    next_state,
)
from paidan_dispatch.cases.limit_requests import CONSTRUCTION, has_duty, is_planned
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.refusals import build_refusal
from paidan_dispatch.cases.transitions.fulfilment import reporters_to_call
from paidan_dispatch.cases.transitions.helper_orders import end_help

_new_clock: Final = unvalidated_constructor(StageClock)
_new_planned: Final = unvalidated_constructor(CaseConstructionPlanned)
_new_struck_off: Final = unvalidated_constructor(CaseStruckOff)


def plan_construction(
    state: CaseState, action: PlanConstruction, provenance: Provenance, policy: CityPolicy
) -> ActResult:
    """列入建设计划: the case waits until the date; its department loses the order, and its clocks end."""
    refusal = _refusal(state, provenance, policy)
    if refusal is not None:
        return refusal
    at, due_at = provenance.recorded_at, policy.in_city_time(action.due_at)
    if due_at <= at:
        return limit_refusals.due_date(state)
    is_assigned = state.status in ASSIGNED_STATUSES
    after = next_state(
        state,
        provenance,
        status="filed",
        held_because=None,
        clocks=(*clocks_ended(state, at), _clock_until(state, due_at, at, policy)),
        answer=action.answer or answers.planned(policy.local_time(due_at)),
        assignments=end_assignment(state, at, withdrawn_at=at) if is_assigned else state.assignments,
        helpers=end_help(state, at) if state.helpers else (),
    )
    due_before = state.clocks[-1].due_at if is_planned(state) else None
    planned: CaseEvent = _new_planned(
        **event_fields(after, provenance), due_before=due_before, due_at=due_at, reason=action.reason
    )
    return [planned]


def strike_off(state: CaseState, action: StrikeOff, provenance: Provenance, policy: CityPolicy) -> ActResult:
    """销号: it is built; the case is closed, and its reporters are told."""
    refusal = _refusal(state, provenance, policy)
    if refusal is not None:
        return refusal
    if not is_planned(state):
        text = Bilingual("It is not in the construction plan.", "案件未列入建设计划。")
        return build_refusal(state, "not_allowed_in_state", text, "action.kind", role="operator")
    after = next_state(
        state,
        provenance,
        status="closed",
        closed_at=provenance.recorded_at,
        answer=action.answer or action.text or answers.BUILT,
        callbacks_awaited=reporters_to_call(state, policy),
    )
    return [_new_struck_off(**event_fields(after, provenance), text=action.text, proof=action.proof)]


def _clock_until(state: CaseState, due_at: datetime, at: datetime, policy: CityPolicy) -> StageClock:
    number = 1 + sum(each.kind == CONSTRUCTION for each in state.clocks)
    return _new_clock(kind=CONSTRUCTION, number=number, began_at=at, due_at=due_at, warn_at=policy.warn_at(at, due_at))


def _refusal(state: CaseState, provenance: Provenance, policy: CityPolicy) -> Refusal | None:
    terms, actor = policy.city.pack.construction, provenance.actor
    if terms is None or state.past:
        text = (
            Bilingual("The city's pack has no construction plan.", "本市配置包未设建设计划。")
            if terms is None
            else Bilingual("An imported past is not planned.", "导入的历史案件不列入建设计划。")
        )
        return build_refusal(state, "not_allowed_in_state", text, "action.kind")
    if terms.matters is not None and state.matter not in terms.matters:
        text = Bilingual("Cases of this matter are not planned in this city.", "本市此类诉求不列入建设计划。")
        return build_refusal(state, "not_allowed_in_state", text, "action.kind", role="operator")
    if actor is None or not any(has_duty(actor, duty, state, policy) for duty in terms.duties):
        text = Bilingual("In this city that is no duty of your post.", "在本市这不是贵岗位的职责。")
        return build_refusal(state, "not_your_duty", text, "actor", role="operator")
    return None
