"""What holds of the running limit, of work that is suspended, of plans, and of what sources promised."""

from datetime import timedelta

from paidan_contracts.assignments import open_unit_order
from paidan_contracts.cases import CaseAmended, CaseFiled, CaseReworked
from paidan_contracts.record_events import CaseCorrected
from paidan_contracts.time_limit_events import CaseLimitSet, CaseResumed
from paidan_dispatch.cases.limit_requests import open_steps, time_limits_of
from paidan_dispatch.cases.timers import running_timers
from tests.dispatch.invariants.registry import Step, invariant
from tests.dispatch.random_histories import POLICY

WORK_TIMERS = ("handle", "plan_step", "unit_handle", "helper_handle")


@invariant
def suspended_clock_stands(step: Step) -> bool:
    """No limit of the work runs, but of what was over before; and the work goes on by itself."""
    state = step.after
    if state.status != "suspended":
        return True
    limit, unit = state.assignments[-1].limits[-1], open_unit_order(state.assignments)
    kinds = [str(each.kind) for each in running_timers(state)]
    stands = limit.due_at is None or limit.overdue_at is not None
    unit_stands = unit is None or unit.due_at is None or unit.overdue_at is not None or unit.finished_at is not None
    return stands and unit_stands and kinds.count("resume") == 1 and not any(each in WORK_TIMERS for each in kinds)


@invariant
def suspension_has_its_date(step: Step) -> bool:
    """That of the request that was granted, while the work is suspended and no longer."""
    state, limits = step.after, time_limits_of(step.after)
    suspension = limits.suspension
    if suspension is None or state.status != "suspended":
        return suspension is None and state.status != "suspended"
    request = limits.requests[suspension.request - 1]
    return (request.kind, request.outcome, request.resume_at) == ("suspension", "approved", suspension.resume_at)


@invariant
def resumption_gives_what_was_left(step: Step) -> bool:
    """In working time or, of an urgent limit, in all hours."""
    event = step.event
    if not isinstance(event, CaseResumed) or step.before is None or event.due_at is None:
        return True
    suspension = time_limits_of(step.before).suspension
    if suspension is None or suspension.left_s is None:
        return suspension is not None
    left = POLICY.working_time.left(event.recorded_at, event.due_at, working=suspension.working)
    return left == timedelta(seconds=suspension.left_s)


@invariant
def rework_keeps_the_deadline(step: Step) -> bool:
    """A failed inspection gives no more time, and less only by what was declared meanwhile."""
    if not isinstance(step.event, CaseReworked) or step.before is None:
        return True
    before, after = step.before.assignments[-1].limits[-1], step.after.assignments[-1].limits[-1]
    is_shortened = step.emergencies != () and after.shortened is not None and after.shortened != before.shortened
    return before.number == after.number and (before.due_at == after.due_at or is_shortened)


@invariant
def overdue_stays_a_fact(step: Step) -> bool:
    """Whatever limit follows; but another catalogue row judges anew."""
    before, after, event = step.before, step.after, step.event
    if before is None or not before.assignments or isinstance(event, CaseFiled | CaseAmended | CaseCorrected):
        return True
    old, new = before.assignments[-1], after.assignments[len(before.assignments) - 1]
    # At its very end a deed is in time yet.
    return old.overdue_at is None or old.overdue_at >= event.recorded_at or new.overdue_at == old.overdue_at


@invariant
def hand_set_limit_gives_its_reason(step: Step) -> bool:
    """Which stands while the limit runs."""
    event = step.event
    return not isinstance(event, CaseLimitSet) or time_limits_of(step.after).set_because == event.reason


@invariant
def unit_limit_ends_first(step: Step) -> bool:
    """What is handed on ends before the department's own limit, whatever became of that."""
    order = open_unit_order(step.after.assignments)
    outer = step.after.assignments[-1].limits[-1].due_at if step.after.assignments else None
    if order is None or order.due_at is None or outer is None or order.finished_at or order.overdue_at:
        return True
    return order.due_at < outer


@invariant
def plan_ends_within_the_limit(step: Step) -> bool:
    """No open step of it may take longer than the whole work."""
    state = step.after
    outer = state.assignments[-1].limits[-1].due_at if state.assignments else None
    if outer is None or state.status not in ("dispatched", "handling"):
        return True
    return all(each.due_at <= outer for each in open_steps(state) if each.overdue_at is None)


@invariant
def plan_steps_are_judged_by_the_deed(step: Step) -> bool:
    """One that was done is overdue exactly if it was done too late."""
    plan = time_limits_of(step.after).plan
    return all((each.overdue_at is not None) == (each.done_at > each.due_at) for each in plan if each.done_at)


@invariant
def promise_ends_with_the_case(step: Step) -> bool:
    """Kept or broken by the time of the deed that ended it."""
    promise = time_limits_of(step.after).promise
    if promise is None:
        return True
    if promise.ended_at is None:
        return step.after.status not in ("closed", "voided", "not_accepted")
    return (promise.overdue_at is not None) == (promise.ended_at > promise.due_at)
