"""A call is recorded once however often it is sent, and what a reporter cannot have meant is asked about. Pure."""

import pytest

from paidan_cockpit.pages.action_forms import parse_forms
from paidan_cockpit.pages.call_answers import call_key, errors_of_call, recorded_calls, strange_answer
from paidan_cockpit.pages.calls import CallPage
from paidan_cockpit.pages.names import CityNames
from paidan_cockpit.pages.times import CityTimes
from paidan_cockpit.translations import translations
from paidan_contracts.state import CalledBack, CaseState
from tests.cockpit.case_records import QUANCHENG_CITY
from tests.cockpit.drawn_pages import draw, summary_of
from tests.cockpit.test_action_forms import answer_of_dispatch
from tests.dispatch.action_table import case_in_status
from tests.scoring.case_histories import START

OTHER = "00000000-0000-5000-8000-000000000077"


def closed(*calls: CalledBack, **fields: object) -> CaseState:
    return case_in_status("closed").model_copy(update={"called_back": calls, **fields})


def call(state: CaseState, **fields: object) -> CalledBack:
    values = {"report_id": state.opened_by, "rating": "satisfied", "at": START, "round": state.round}
    return CalledBack.model_validate(values | fields)


def drawn_call(state: CaseState) -> str:
    """Return the page of the call to the reporter who opened a case."""
    [form] = parse_forms(answer_of_dispatch("closed", "role:caller", "call_back"), "en")
    page = CallPage(
        summary=summary_of(state),
        names=CityNames(QUANCHENG_CITY, "en"),
        times=CityTimes(QUANCHENG_CITY.zone, START, "en", QUANCHENG_CITY),
        report_id=state.opened_by,
        report_text="",
        answer=None,
        form=form,
        recorded=recorded_calls(state, state.opened_by),
    )
    return draw(page, "role:caller")


def test_a_call_that_was_recorded_is_shown_and_its_form_no_longer_open() -> None:
    state = closed()

    assert '<details class="do"' not in drawn_call(state)
    again = drawn_call(closed(call(state)))
    assert "This call is recorded already." in again
    assert again.index('<details class="do"') < again.index('name="action.rating"')


def test_only_calls_to_this_reporter_in_this_round_count_as_recorded() -> None:
    state = closed()
    own, earlier = call(state, report_id=None), call(state, round=state.round + 1)

    assert list(recorded_calls(closed(own, earlier, call(state, report_id=OTHER)), state.opened_by)) == [own]


def test_a_form_drawn_again_of_the_same_state_is_the_same_and_a_later_one_is_another() -> None:
    state = closed()

    assert call_key(state, state.opened_by) == call_key(state, state.opened_by)
    others = [call_key(state, OTHER), call_key(closed(version=state.version + 1), state.opened_by)]
    assert call_key(state, state.opened_by) not in others


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"action.rating": "dissatisfied"}, ["action.reasonable"]),
        ({"action.rating": "dissatisfied", "action.reasonable": "false"}, []),
        ({"action.rating": "satisfied", "action.solved": "unsolved"}, ["action.solved"]),
        ({"action.rating": "satisfied", "action.solved": "unsolved", "confirmed": "satisfied unsolved"}, []),
        (
            {"action.rating": "basically_satisfied", "action.solved": "unsolved", "confirmed": "satisfied unsolved"},
            ["action.solved"],
        ),
        ({"action.rating": "satisfied", "action.solved": "partly"}, []),
        ({"action.rating": "no_answer"}, []),
    ],
)
def test_what_a_reporter_can_hardly_have_said_is_asked_about_once(fields: dict[str, str], wrong: list[str]) -> None:
    assert list(errors_of_call(fields, translations("en").gettext)) == wrong
    if wrong == ["action.solved"]:
        assert not errors_of_call(fields | {"confirmed": strange_answer(fields)}, translations("en").gettext)
