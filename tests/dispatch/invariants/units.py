"""What holds of orders that are handed on inside a department."""

from paidan_contracts.state import CaseState
from paidan_contracts.unit_events import CaseHandedOn, CaseUnitAnswered, CaseUnitReworked
from tests.dispatch.invariants.registry import Step, invariant


@invariant
def handed_on_within_its_order(step: Step) -> bool:
    """One unit at a time has the order, and only while its department works on it, or will again."""
    handed_on = [order for each in step.after.assignments for order in each.handed_on]
    still_open = [each for each in handed_on if each.is_open]
    return not still_open or (still_open == handed_on[-1:] and step.after.status in ("handling", "suspended"))


@invariant
def units_move_nothing(step: Step) -> bool:
    """Handing on, and what units answer, changes nothing but what is handed on."""
    if not isinstance(step.event, CaseHandedOn | CaseUnitAnswered | CaseUnitReworked) or step.before is None:
        return True
    return _without_units(step.after) == _without_units(step.before)


def _without_units(state: CaseState) -> CaseState:
    last = state.assignments[-1].model_copy(update={"handed_on": ()})
    return state.model_copy(update={"version": 0, "assignments": (*state.assignments[:-1], last), "city_version": ""})
