"""Timers beside those of assignments and stages: suspensions that end, steps of plans, promises of sources."""

from typing import Final

from paidan_contracts.case_event import CaseEvent
from paidan_contracts.clock_events import CaseClockOverdue, CaseClockWarned, CaseOverdue
from paidan_contracts.inbox import TimerDue
from paidan_contracts.state import CaseState
from paidan_contracts.time_limits import Promise
from paidan_contracts.unvalidated import replace_unvalidated, unvalidated_constructor
from paidan_dispatch.cases.case_state import Provenance, event_fields, next_state
from paidan_dispatch.cases.limit_requests import time_limits_of
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.timers import PLAN_STEP, PROMISE, RESUME, STEPS_PER_SETTING, WARNING
from paidan_dispatch.cases.transitions.suspension import resumed

_new_overdue: Final = unvalidated_constructor(CaseOverdue)
_new_clock_overdue: Final = unvalidated_constructor(CaseClockOverdue)
_new_warned: Final = unvalidated_constructor(CaseClockWarned)


def expire(state: CaseState, provenance: Provenance, timer: TimerDue, policy: CityPolicy) -> CaseEvent:
    """Return the step that such a timer causes."""
    is_warning = timer.kind.endswith(WARNING)
    match timer.kind.removesuffix(WARNING):
        case kind if kind == RESUME:
            return resumed(state, provenance, policy)
        case kind if kind == PLAN_STEP:
            return _step_expired(state, provenance, timer.generation % STEPS_PER_SETTING, is_warning=is_warning)
        case _:
            return _promise_expired(state, provenance, is_warning=is_warning)


def _step_expired(state: CaseState, provenance: Provenance, number: int, *, is_warning: bool) -> CaseEvent:
    limits, department = time_limits_of(state), state.assignments[-1].department
    step = limits.plan[number - 1]
    mark = {"warn_at": None} if is_warning else {"overdue_at": step.due_at}
    changed = replace_unvalidated(step, **mark)
    plan = tuple(changed if each.number == number else each for each in limits.plan)
    after = next_state(state, provenance, time_limits=replace_unvalidated(limits, plan=plan))
    fields = event_fields(after, provenance)
    new_event = _new_warned if is_warning else _new_overdue
    return new_event(**fields, clock=PLAN_STEP, due_at=step.due_at, department=department)


def _promise_expired(state: CaseState, provenance: Provenance, *, is_warning: bool) -> CaseEvent:
    limits = time_limits_of(state)
    promise = limits.promise
    if promise is None:
        raise LookupError("the timer of a promise that the case does not hold")
    changed: Promise = replace_unvalidated(
        promise, **({"warn_at": None} if is_warning else {"overdue_at": promise.due_at})
    )
    after = next_state(state, provenance, time_limits=replace_unvalidated(limits, promise=changed))
    fields = event_fields(after, provenance)
    if is_warning:
        return _new_warned(**fields, clock=PROMISE, due_at=promise.due_at)
    return _new_clock_overdue(**fields, clock=PROMISE, due_at=promise.due_at)
