"""What residents say once it is done, and when that begins the work anew."""

from datetime import datetime

import pytest

from paidan_contracts.actions import CallBack, Finish, Inspect, Rating
from paidan_contracts.state import CaseState
from paidan_contracts.unvalidated import changed
from paidan_dispatch.inbox.unit_of_work import awaits_call
from tests.dispatch.builders import (
    How,
    at,
    closed,
    finished,
    judged,
    moved,
    opened,
    types,
)
from tests.dispatch.sample_pack import bylaws_of, document


@pytest.mark.parametrize("rating", ["satisfied", "basically_satisfied", "no_answer"])
def test_an_answer_is_kept(rating: Rating) -> None:
    after = moved(closed(), CallBack(rating=rating, solved="solved"), minutes=30)

    (word,) = after.called_back
    assert (after.status, word.rating, word.at, word.round) == ("closed", rating, at(30), 1)
    assert (awaits_call(closed()), awaits_call(after)) == (True, False)


@pytest.mark.parametrize("state", [opened(), finished(), changed(closed(), past=True)], ids=["opened", "done", "past"])
def test_nobody_calls_before_the_end_or_about_an_imported_past(state: CaseState) -> None:
    assert not awaits_call(state)


def test_dissatisfied_with_reason_it_begins_again_under_a_limit_of_its_own() -> None:
    step = judged(closed(), CallBack(rating="dissatisfied"), How(minutes=30))

    assert types(step) == ["called_back", "reopened"]
    state = step.after  # type: ignore[union-attr] # checked by types()
    (turn,) = state.assignments
    assert (state.status, state.round, state.reopened, state.closed_at) == ("handling", 2, 1, None)
    assert [limit.due_at for limit in turn.limits] == [at(360), at(150)]
    assert turn.limits[0].finished_at == at(10), "what earlier rounds recorded stays"


def test_without_a_limit_for_it_the_rows_own_runs_once_more() -> None:
    pack = document()
    del pack["clocks"]["reopening"]["limit"]

    state = moved(closed(), CallBack(rating="dissatisfied"), minutes=60, by=bylaws_of(pack))

    assert state.assignments[0].limits[1].due_at == at(60 + 6 * 60)


def test_dissatisfied_without_good_reason_it_is_kept_and_counts_for_nothing() -> None:
    after = moved(closed(), CallBack(rating="dissatisfied", reasonable=False))

    assert (after.status, after.called_back[0].reasonable) == ("closed", False)


def test_the_second_time_the_rating_is_kept_but_it_stays_closed() -> None:
    state = moved(closed(), CallBack(rating="dissatisfied"), minutes=30)
    for action in (Finish(), Inspect(passed=True)):
        state = moved(state, action, minutes=40)

    after = moved(state, CallBack(rating="dissatisfied"), minutes=50)

    assert (awaits_call(state), awaits_call(after)) == (True, False)
    assert (after.status, after.reopened, len(after.called_back)) == ("closed", 1, 2)


@pytest.mark.parametrize(("days", "status"), [(10, "handling"), (10.001, "closed")])
def test_long_after_closing_it_takes_a_new_report(days: float, status: str) -> None:
    state = closed(minutes=20)

    assert moved(state, CallBack(rating="dissatisfied"), minutes=20 + days * 1440).status == status


@pytest.mark.parametrize(("term", "due"), [("limit", None), ("within", at(30 + 120))])
def test_where_the_calendar_ends_residents_are_heard_even_so(term: str, due: datetime | None) -> None:
    pack = document()
    pack["clocks"]["reopening"][term] = {"amount": 60, "unit": "working_day"}

    state = moved(closed(), CallBack(rating="dissatisfied"), minutes=30, by=bylaws_of(pack))

    assert (state.status, state.called_back[0].rating) == ("handling", "dissatisfied")
    assert state.assignments[0].limits[-1].due_at == due
