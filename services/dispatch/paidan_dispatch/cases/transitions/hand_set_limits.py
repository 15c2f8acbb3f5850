"""限时, 限期整改: limits that are set by hand, with a reason, and plans whose steps have dates of their own."""

from typing import Final

from paidan_contracts.case_event import CaseEvent
from paidan_contracts.outcomes import Refusal
from paidan_contracts.state import CaseState
from paidan_contracts.time_limit_actions import FinishStep, PlanStep, SetLimit
from paidan_contracts.time_limit_events import CaseLimitSet, CaseStepFinished, CaseStepPlanned
from paidan_contracts.time_limits import PlannedStep
from paidan_contracts.unvalidated import replace_unvalidated, unvalidated_constructor
from paidan_dispatch.cases import limit_refusals as refusals
from paidan_dispatch.cases.case_state import ActResult, Provenance, event_fields, next_state
from paidan_dispatch.cases.limit_requests import has_duty, open_steps, time_limits_of
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.transitions.suspension import with_limit

MOST_STEPS: Final = 50
_new_step: Final = unvalidated_constructor(PlannedStep)
_new_set: Final = unvalidated_constructor(CaseLimitSet)
_new_planned: Final = unvalidated_constructor(CaseStepPlanned)
_new_finished: Final = unvalidated_constructor(CaseStepFinished)


def set_limit(state: CaseState, action: SetLimit, provenance: Provenance, policy: CityPolicy) -> ActResult:
    """限时: set the end of the running limit; of one that was over the fact stays, and another limit begins."""
    refusal = _duty_refusal(state, action.kind, provenance, policy)
    if refusal is not None:
        return refusal
    at, due_at = provenance.recorded_at, policy.in_city_time(action.due_at)
    if due_at <= at:
        return refusals.due_date(state)
    assignment = state.assignments[-1]
    changes = with_limit(state, due_at, at, policy)
    limits = replace_unvalidated(changes["time_limits"], set_because=action.reason)
    after = next_state(state, provenance, **{**changes, "time_limits": limits})
    set_by_hand: CaseEvent = _new_set(
        **event_fields(after, provenance),
        department=assignment.department,
        due_before=assignment.limits[-1].due_at,
        due_at=due_at,
        reason=action.reason,
    )
    return [set_by_hand]


def plan_step(state: CaseState, action: PlanStep, provenance: Provenance, policy: CityPolicy) -> ActResult:
    """限期整改: add a step with a date; steps end within the case's own limit."""
    refusal = _duty_refusal(state, action.kind, provenance, policy)
    if refusal is not None:
        return refusal
    limits, assignment, at = time_limits_of(state), state.assignments[-1], provenance.recorded_at
    end, due_at = assignment.limits[-1].due_at, policy.in_city_time(action.due_at)
    if len(limits.plan) >= MOST_STEPS:
        return refusals.too_many_steps(state, MOST_STEPS)
    if due_at <= at or (end is not None and due_at > end):
        return refusals.step_beyond_limit(state)
    step = _new_step(
        number=len(limits.plan) + 1,
        assignment=assignment.number,
        text=action.text,
        due_at=due_at,
        warn_at=policy.warn_at(at, due_at),
    )
    after = next_state(state, provenance, time_limits=replace_unvalidated(limits, plan=(*limits.plan, step)))
    fields = event_fields(after, provenance)
    return [_new_planned(**fields, department=assignment.department, step=step.number, due_at=due_at, text=action.text)]


def finish_step(state: CaseState, action: FinishStep, provenance: Provenance) -> ActResult:
    """Tick off a step of the plan, in time or late by the time of the deed."""
    limits, at = time_limits_of(state), provenance.recorded_at
    steps = open_steps(state)
    if not steps:
        return refusals.no_open_step(state)
    step = next((each for each in steps if each.number == action.step), None)
    if step is None:
        return refusals.unknown_step(state)
    overdue_at = step.due_at if at > step.due_at else None
    done = replace_unvalidated(step, done_at=at, warn_at=None, overdue_at=overdue_at)
    plan = tuple(done if each.number == step.number else each for each in limits.plan)
    after = next_state(state, provenance, time_limits=replace_unvalidated(limits, plan=plan))
    return [
        _new_finished(
            **event_fields(after, provenance),
            department=state.assignments[-1].department,
            step=step.number,
            text=action.text,
        )
    ]


def _duty_refusal(state: CaseState, kind: str, provenance: Provenance, policy: CityPolicy) -> Refusal | None:
    terms, actor = policy.city.clocks.hand_set, provenance.actor
    if terms is None or actor is None:
        return refusals.not_in_this_city(state, kind)
    if not any(has_duty(actor, duty, state, policy) for duty in terms.duties):
        return refusals.not_your_step(state, terms.duties[0])
    return None
