"""What holds of assignments, their limits, and the orders that departments get."""

from datetime import datetime
from itertools import pairwise
from typing import Final

from paidan_contracts.assignments import Assignment, Helper, UnitOrder
from paidan_contracts.case_access import barred_units
from paidan_contracts.cases import CaseFiled, CaseHelperAnswered, CaseReopened
from paidan_contracts.emergency_events import CaseReclocked
from paidan_contracts.record_events import CaseCorrected
from paidan_contracts.state import CaseState
from paidan_contracts.time_limit_events import CaseLimitSet, CaseSuspended
from paidan_dispatch.cases.case_state import ASSIGNED_STATUSES, is_active, open_helpers
from tests.dispatch.invariants.registry import Step, invariant
from tests.dispatch.random_histories import POLICY

MAY_SHORTEN: Final = (CaseFiled, CaseCorrected, CaseLimitSet, CaseReclocked, CaseReopened, CaseSuspended)
"""Suspended work has no deadline until it goes on."""


@invariant
def no_order_without_a_department(step: Step) -> bool:
    """Whoever gets a message about an order leads the case or helps, now or until this step."""
    states = [each for each in (step.before, step.after) if each is not None]
    known = {(each.order_id, _told(each)) for state in states for each in _orders_of(state)}
    return all((each.order.order_id, each.order.department) in known for each in step.orders)


@invariant
def order_versions_are_told_once(step: Step) -> bool:
    """Of two messages with one version a department would keep either."""
    told = [(each.order.order_id, each.order.version) for each in step.orders]
    return len(told) == len(set(told)) and all(version <= step.after.version for _, version in told)


def _was_struck_off(step: Step) -> bool:
    stages = [each for each in step.after.clocks if each.kind != "callback"]
    return step.after.status == "closed" and bool(stages) and stages[-1].kind == "construction"


@invariant
def one_department_leads(step: Step) -> bool:
    """Only the last assignment may be valid, and is while a department has the case: what was struck off had none."""
    assignments = step.after.assignments
    valid = [_is_valid(each) for each in assignments]
    was_planned = _was_struck_off(step)
    has_lead = step.after.status in (*ASSIGNED_STATUSES, "closed") and not was_planned
    return not any(valid[:-1]) and (valid[-1] if valid else False) is has_lead


@invariant
def lead_is_the_department(step: Step) -> bool:
    """The case is counted for whom it is assigned to."""
    assignments = step.after.assignments
    return not assignments or assignments[-1].department == step.after.department


@invariant
def assignments_are_numbered(step: Step) -> bool:
    """From 1, without gaps."""
    numbers = [each.number for each in step.after.assignments]
    return numbers == list(range(1, len(numbers) + 1))


@invariant
def earlier_assignments_stay(step: Step) -> bool:
    """What happened under one department is not rewritten when another has the case; imports are corrected."""
    if step.before is None or step.after.past:
        return True
    return step.after.assignments[: len(step.before.assignments) - 1] == step.before.assignments[:-1]


@invariant
def limits_are_numbered_once(step: Step) -> bool:
    """In order of their beginning, over all assignments."""
    numbers = [limit.number for each in step.after.assignments for limit in each.limits]
    return all(one < other for one, other in pairwise(numbers))


@invariant
def deadline_never_shortens(step: Step) -> bool:
    """Unless another row applies, by filing or correction, it is set by hand, another begins, or in an emergency."""
    if step.before is None or step.after.past or isinstance(step.event, MAY_SHORTEN):
        return True
    before, after = _last_due(step.before), _last_due(step.after)
    same = len(step.before.assignments) == len(step.after.assignments)
    return not same or before is None or (after is not None and after >= before)


@invariant
def lateness_is_a_fact(step: Step) -> bool:
    """Work is late exactly if it was last finished after the limit; one that stands has no end to judge by."""
    limits = [limit for each in step.after.assignments for limit in each.limits if limit.finished_at is not None]
    return all(each.late is (each.finished_at > each.due_at) for each in limits if each.due_at is not None)  # type: ignore[operator]


@invariant
def overdue_is_never_early(step: Step) -> bool:
    """What is overdue is so since its own end."""
    limits = [limit for each in step.after.assignments for limit in each.limits]
    return all(each.overdue_at in (None, each.due_at) for each in limits) or step.after.past


@invariant
def hops_count_returns(step: Step) -> bool:
    """Each return is a hop."""
    return step.after.hops == sum(each.returned_at is not None for each in step.after.assignments)


@invariant
def one_order_to_help_for_each_department(step: Step) -> bool:
    """And none for the one that leads."""
    active = [each.department for each in step.after.helpers if is_active(each)]
    return len(active) == len(set(active)) and (step.after.department not in active or step.after.status == "filed")


@invariant
def helper_orders_end_with_the_case(step: Step) -> bool:
    """Nobody helps a case that was never handled."""
    is_idle = step.after.status in ("received", "voided", "not_accepted")
    return not is_idle or not any(is_active(each) for each in step.after.helpers)


@invariant
def helpers_move_nothing(step: Step) -> bool:
    """A helper's answer changes its own order alone."""
    if not isinstance(step.event, CaseHelperAnswered) or step.before is None:
        return True
    ignored = {"version": 0, "helpers": (), "city_version": ""}
    return step.after.model_copy(update=ignored) == step.before.model_copy(update=ignored)


@invariant
def order_ids_are_unique(step: Step) -> bool:
    """Within the case, of those who lead and those who help."""
    ids = [each.order_id for each in _orders_of(step.after)]
    return len(ids) == len(set(ids))


def _is_valid(assignment: Assignment) -> bool:
    return assignment.returned_at is None and assignment.withdrawn_at is None


def _last_due(state: CaseState) -> datetime | None:
    return state.assignments[-1].limits[-1].due_at if state.assignments else None


def _orders_of(state: CaseState) -> list[Assignment | Helper | UnitOrder]:
    handed_on = [order for each in state.assignments for order in each.handed_on]
    return [*state.assignments, *state.helpers, *handed_on]


def _told(order: Assignment | Helper | UnitOrder) -> str:
    """Return on whose topic an order is: a unit's is on that of the nearest above it that has one."""
    return POLICY.city.units.bureau_of(order.unit) if isinstance(order, UnitOrder) else order.department


@invariant
def department_complained_of_has_no_order(step: Step) -> bool:
    """Nor a unit above or below it, once a decision is complete; of the past a record says who handled it."""
    state = step.after
    if state.past or state.complained_of is None or not step.is_last:
        return True
    leads = (state.department,) if state.status in ASSIGNED_STATUSES else ()
    return barred_units(state.complained_of, POLICY.city).isdisjoint((*leads, *open_helpers(state)))
