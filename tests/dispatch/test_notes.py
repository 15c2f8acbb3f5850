"""Notes on a case: each is a step; those for its departments stand in the state and in their orders."""

from paidan_contracts.orders import OrderChanged
from paidan_contracts.record_actions import AddNote
from paidan_dispatch.cases.decide import Progressed, Refused
from paidan_dispatch.cases.orders import order_events
from paidan_dispatch.cases.transitions.notes import NOTE_LENGTH, NOTES_KEPT
from tests.dispatch.builders import ActionContext, case_after, closed, decide_action, opened_case
from tests.dispatch.sample_pack import default_policy


def test_internal_note_is_a_step_that_no_department_hears_of() -> None:
    state = opened_case()

    result = decide_action(state, AddNote(text="the caller is a neighbour"), ActionContext(actor="inspector:ivy"))

    assert isinstance(result, Progressed)
    assert result.events[0].model_dump()["text"] == "the caller is a neighbour"
    assert order_events(state, result.events, default_policy()) == []
    assert result.after.model_copy(update={"version": state.version}) == state


def test_note_for_the_department_changes_its_order() -> None:
    state = opened_case()

    result = decide_action(state, AddNote(text="ring at the gate", visible_to="department"))

    assert isinstance(result, Progressed)
    (told,) = order_events(state, result.events, default_policy())
    assert isinstance(told, OrderChanged)
    assert (told.because, told.reason) == ("note_added", "ring at the gate")
    assert [each.text for each in told.order.notes or ()] == ["ring at the gate"]


def test_state_keeps_the_newest_notes_cut_short() -> None:
    state = opened_case()
    for number in range(NOTES_KEPT + 1):
        state = case_after(state, AddNote(text=f"{number}" * (NOTE_LENGTH + 1), visible_to="department"))

    assert [each.text for each in state.notes or ()] == [f"{n}" * NOTE_LENGTH for n in range(1, NOTES_KEPT + 1)]


def test_ended_case_takes_notes_too() -> None:
    assert case_after(closed(), AddNote(text="seen again")).status == "closed"


def test_department_writes_no_notes() -> None:
    result = decide_action(opened_case(), AddNote(text="x"), ActionContext(actor="department:north"))

    assert isinstance(result, Refused)
    assert result.refusal.code == "not_your_role"
