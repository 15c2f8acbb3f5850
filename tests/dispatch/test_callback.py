"""Callbacks after closing, and when they reopen the case."""

from datetime import datetime

import pytest

from paidan_contracts.actions import CallBack, Inspect, Rating
from paidan_contracts.department_actions import Finish
from paidan_contracts.state import CaseState
from paidan_contracts.unvalidated import replace_unvalidated
from paidan_dispatch.inbox.case_rows import awaits_callback
from tests.dispatch.builders import (
    ActionContext,
    at_minute,
    case_after,
    closed,
    decide_action,
    finished,
    opened_case,
    types,
)
from tests.dispatch.sample_pack import pack_document, policy_of


@pytest.mark.parametrize("rating", ["satisfied", "basically_satisfied", "no_answer"])
def test_callback_rating_is_stored(rating: Rating) -> None:
    after = case_after(closed(), CallBack(rating=rating, solved="solved"), minutes=30)

    (word,) = after.called_back
    assert (after.status, word.rating, word.at, word.round) == ("closed", rating, at_minute(30), 1)
    assert (awaits_callback(closed()), awaits_callback(after)) == (True, False)


@pytest.mark.parametrize(
    "state",
    [opened_case(), finished(), case_after(replace_unvalidated(finished(), past=True), Inspect(passed=True))],
    ids=["opened", "done", "past"],
)
def test_nobody_is_called_back_before_closing_and_of_imports(state: CaseState) -> None:
    assert not awaits_callback(state)


def test_justified_dissatisfaction_reopens_with_its_own_deadline() -> None:
    step = decide_action(closed(), CallBack(rating="dissatisfied"), ActionContext(minutes=30))

    assert types(step) == ["called_back", "reopened"]
    state = step.after  # type: ignore[union-attr] # checked by types()
    (turn,) = state.assignments
    assert (state.status, state.round, state.reopened, state.closed_at) == ("handling", 2, 1, None)
    assert [limit.due_at for limit in turn.limits] == [at_minute(360), at_minute(150)]
    assert turn.limits[0].finished_at == at_minute(10), "what earlier rounds recorded stays"


def test_reopening_without_its_own_limit_uses_the_rows() -> None:
    pack = pack_document()
    del pack["clocks"]["reopening"]["limit"]

    state = case_after(closed(), CallBack(rating="dissatisfied"), minutes=60, policy=policy_of(pack))

    assert state.assignments[0].limits[1].due_at == at_minute(60 + 6 * 60)


def test_unjustified_dissatisfaction_is_stored_only() -> None:
    after = case_after(closed(), CallBack(rating="dissatisfied", reasonable=False))

    assert (after.status, after.called_back[0].reasonable) == ("closed", False)


def test_second_dissatisfaction_does_not_reopen() -> None:
    state = case_after(closed(), CallBack(rating="dissatisfied"), minutes=30)
    for action in (Finish(), Inspect(passed=True)):
        state = case_after(state, action, minutes=40)

    after = case_after(state, CallBack(rating="dissatisfied"), minutes=50)

    assert (awaits_callback(state), awaits_callback(after)) == (True, False)
    assert (after.status, after.reopened, len(after.called_back)) == ("closed", 1, 2)


@pytest.mark.parametrize(("days", "status"), [(10, "handling"), (10.001, "closed")])
def test_late_dissatisfaction_does_not_reopen(days: float, status: str) -> None:
    state = closed(minutes=20)

    assert case_after(state, CallBack(rating="dissatisfied"), minutes=20 + days * 1440).status == status


@pytest.mark.parametrize(("term", "due"), [("limit", None), ("within", at_minute(30 + 120))])
def test_callback_works_past_the_calendars_end(term: str, due: datetime | None) -> None:
    pack = pack_document()
    pack["clocks"]["reopening"][term] = {"amount": 60, "unit": "working_day"}

    state = case_after(closed(), CallBack(rating="dissatisfied"), minutes=30, policy=policy_of(pack))

    assert (state.status, state.called_back[0].rating) == ("handling", "dissatisfied")
    assert state.assignments[0].limits[-1].due_at == due
