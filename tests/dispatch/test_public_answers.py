"""What residents are told: once the work was inspected or the case ended, and never what is internal."""

import pytest

from paidan_contracts.actions import CallBack, Inspect, Verify, Void
from paidan_contracts.department_actions import Accept, Finish
from paidan_contracts.unvalidated import replace_unvalidated
from tests.dispatch.builders import build_report, case_after, closed, finished, opened_case


def test_departments_account_is_not_the_answer_before_it_was_inspected() -> None:
    state = finished()

    assert (state.answer, state.assignments[-1].text) == (None, "swept")


def test_answer_is_the_inspected_account_of_the_department() -> None:
    assert closed().answer == "swept"


def test_account_that_failed_its_inspection_is_never_the_answer() -> None:
    state = case_after(finished(), Inspect(passed=False, reason="still there"), minutes=12)
    assert state.answer is None

    for action in (Finish(text="swept again"), Inspect(passed=True)):
        state = case_after(state, action, minutes=15)

    assert state.answer == "swept again"


def test_inspector_may_word_the_answer() -> None:
    assert case_after(finished(), Inspect(passed=True, answer="Thank you; it is clean now.")).answer == (
        "Thank you; it is clean now."
    )


def test_there_is_an_answer_where_nobody_wrote_one() -> None:
    state = opened_case()
    for action in (Accept(), Finish(), Inspect(passed=True)):
        state = case_after(state, action, minutes=5)

    assert state.answer
    assert "inspected" in state.answer
    assert "核查" in state.answer


def test_reopened_case_has_no_answer() -> None:
    assert case_after(closed(), CallBack(rating="dissatisfied"), minutes=30).answer is None


@pytest.mark.parametrize("answer", [None, "It was reported twice by mistake."])
def test_voided_case_has_a_public_word_and_not_the_internal_reason(answer: str | None) -> None:
    state = case_after(opened_case(), Void(reason="duty officer's test call", answer=answer))

    assert state.ended_because == "duty officer's test call"
    assert state.answer
    assert state.answer == (answer or state.answer)
    assert "duty officer" not in state.answer


@pytest.mark.parametrize("answer", [None, "We found no rubbish there."])
def test_unverified_report_has_a_public_word_and_not_the_internal_reason(answer: str | None) -> None:
    waiting = opened_case(build_report(source="app"))

    state = case_after(waiting, Verify(verified=False, reason="nobody went there", answer=answer))

    assert state.answer
    assert state.answer == (answer or state.answer)
    assert "nobody went" not in state.answer


def test_imported_case_has_no_answer_that_nobody_gave() -> None:
    state = replace_unvalidated(finished(), past=True)
    silent = replace_unvalidated(
        state, assignments=(*state.assignments[:-1], replace_unvalidated(state.assignments[-1], text=""))
    )

    assert case_after(silent, Inspect(passed=True)).answer is None
