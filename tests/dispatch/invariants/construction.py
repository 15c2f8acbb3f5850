"""What holds of cases in the construction plan."""

from paidan_contracts.construction_events import CaseConstructionPlanned
from paidan_dispatch.cases.case_state import is_active
from paidan_dispatch.cases.limit_requests import is_planned
from paidan_dispatch.cases.timers import running_timers
from tests.dispatch.invariants.registry import Step, invariant

_OF_THE_PLAN = {"construction", "construction_warning", "construction_escalation"}


@invariant
def only_its_date_runs_while_planned(step: Step) -> bool:
    """No limit of a complaint, and nobody has an order."""
    if not is_planned(step.after):
        return True
    has_order = any(is_active(each) for each in step.after.helpers)
    return {str(each.kind) for each in running_timers(step.after)} <= _OF_THE_PLAN and not has_order


@invariant
def planned_case_has_a_date(step: Step) -> bool:
    """It runs, and was ahead when it was set."""
    if not is_planned(step.after):
        return True
    clock = step.after.clocks[-1]
    is_set = not isinstance(step.event, CaseConstructionPlanned) or step.event.due_at == clock.due_at
    return is_set and (clock.kind, clock.ended_at) == ("construction", None) and clock.due_at > clock.began_at


@invariant
def order_ends_when_it_is_planned(step: Step) -> bool:
    """The department cannot do what has to be built first."""
    assignments = step.after.assignments
    last = assignments[-1] if assignments and is_planned(step.after) else None
    return last is None or last.withdrawn_at is not None or last.returned_at is not None
