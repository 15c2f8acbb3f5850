"""What holds of orders that are handed on inside a department, in whatever order things happen."""

from paidan_contracts.assignments import open_unit_order
from paidan_contracts.case_event import CaseEvent
from paidan_contracts.state import CaseState
from paidan_contracts.unit_events import CaseHandedOn, CaseUnitAnswered, CaseUnitReworked


def assert_handed_on_is_legal(state: CaseState) -> None:
    """Raise unless at most one order is handed on, and that within its department's order."""
    handed_on = [each for assignment in state.assignments for each in assignment.handed_on]
    assert [each.number for each in handed_on] == list(range(1, len(handed_on) + 1))
    still_open = [each for each in handed_on if each.is_open]
    assert len(still_open) <= 1, "one at a time inside a department"
    assert still_open in ([], handed_on[-1:])
    assert not still_open or state.status == "handling", "it ends with the department's order"
    assert not still_open or state.assignments[-1].accepted_at is not None
    assert not still_open or open_unit_order(state.assignments) == still_open[0]
    assert all(each.finished_at is not None for each in handed_on if each.confirmed_at is not None)
    assert all(each.finished_at is None or each.accepted_at is not None for each in handed_on)


def assert_units_move_nothing(before: CaseState | None, event: CaseEvent) -> None:
    """What units do stands in the assignment's ``handed_on``; the department's limits and the case's status stay."""
    if isinstance(event, CaseHandedOn | CaseUnitAnswered | CaseUnitReworked):
        assert before is not None
        assert _without_units(event.state) == _without_units(before)
        assert event.department == event.state.department
    if isinstance(event, CaseHandedOn) and event.due_at is not None:
        limit = event.state.assignments[-1].limits[-1].due_at
        assert event.recorded_at < event.due_at
        assert limit is None or event.due_at < limit, "a unit's limit ends before its department's"


def _without_units(state: CaseState) -> CaseState:
    last = state.assignments[-1].model_copy(update={"handed_on": ()})
    return state.model_copy(update={"version": 0, "assignments": (*state.assignments[:-1], last)})
