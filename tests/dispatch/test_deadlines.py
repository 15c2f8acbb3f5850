"""Clocks run out once each, stale ones mean nothing, and what counts is the deed's stamp, not what was read first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paidan_contracts.actions import Accept, Action, CallBack, File, Finish, Inspect, Redispatch, Return, Void
from paidan_contracts.reports import Past
from paidan_contracts.state import CaseState
from paidan_dispatch.cases.deadlines import Timer, changes, running
from paidan_dispatch.cases.decide import Ignored, Moved
from tests.dispatch.builders import (
    at,
    closed,
    due,
    finished,
    moved,
    opened,
    past_report,
    report,
    rung,
)


def only(state: CaseState, kind: str) -> Timer:
    (timer,) = [each for each in running(state) if each.kind == kind]
    return timer


def after(state: CaseState, timer: Timer) -> CaseState:
    result = rung(state, timer)
    assert isinstance(result, Moved)
    return result.after


def test_a_dispatch_sets_both_clocks() -> None:
    state = opened()

    assert [(each.kind, each.due_at) for each in changes(None, state).set] == [("accept", at(30)), ("handle", at(360))]


def test_what_is_not_dispatched_or_is_past_has_no_clock() -> None:
    for state in (
        opened(report(source="app")),
        opened(report(class_code=None)),
        opened(past_report(past=Past(owner="water", promised_by=at(60)))),
        finished(),
        closed(),
    ):
        assert running(state) == ()


def test_without_a_limit_only_acceptance_is_timed() -> None:
    assert [each.kind for each in running(opened(report(class_code="E0505")))] == ["accept"]


@pytest.mark.parametrize(
    ("action", "cancelled", "newly_set"),
    [
        (Accept(), ["accept"], []),
        (Void(reason="x"), ["accept", "handle"], []),
        (Return(code="other", reason="x"), ["accept", "handle"], ["accept", "handle"]),
        (Redispatch(department="south", reason="x"), ["accept", "handle"], ["accept", "handle"]),
        (File(row_id="E0111-1"), ["handle"], ["handle"]),
    ],
)
def test_every_step_says_what_becomes_of_the_clocks(action: Action, cancelled: list[str], newly_set: list[str]) -> None:
    state = opened()

    change = changes(state, moved(state, action, minutes=5))

    assert ([each.kind for each in change.cancelled], [each.kind for each in change.set]) == (cancelled, newly_set)


def test_a_step_that_touches_no_clock_changes_none() -> None:
    state = finished()

    assert changes(state, moved(state, Inspect(passed=True))) == changes(state, state)


def test_no_generation_is_ever_used_twice() -> None:
    """Or a cancelled timer that was on its way would pass for a new one."""
    state = opened()
    seen: set[tuple[str, int]] = set()
    steps: list[Action] = [
        Redispatch(department="south", reason="x"),
        File(row_id="E0111-1"),
        Accept(),
        File(row_id="E0110-1"),
        Finish(),
        Inspect(passed=False),
        File(row_id="E0111-1"),
        Finish(),
        Inspect(passed=True),
        CallBack(rating="dissatisfied"),
    ]
    for minute, action in enumerate(steps):
        was, state = state, moved(state, action, minutes=minute)
        for timer in changes(was, state).set:
            assert (timer.kind, timer.generation) not in seen
            seen.add((timer.kind, timer.generation))
    assert len(seen) == 7


@pytest.mark.parametrize("kind", ["accept", "handle"])
def test_a_clock_that_runs_out_is_told_once(kind: str) -> None:
    state = opened()
    timer = only(state, kind)

    late = rung(state, timer)

    assert isinstance(late, Moved)
    (event,) = late.events
    said = event.model_dump()
    assert (said["type"], said["clock"], said["due_at"]) == ("case.overdue.v1", kind, timer.due_at)
    assert (event.recorded_at, event.cause.kind, event.actor) == (timer.due_at, "timer", None)
    assert changes(state, late.after).cancelled == (timer,)
    assert isinstance(rung(late.after, timer), Ignored)


def test_the_other_clock_runs_on() -> None:
    state = opened()

    late = after(state, only(state, "accept"))

    assert [each.kind for each in running(late)] == ["handle"]
    assert late.assignments[0].accept_overdue_at == at(30)
    assert late.assignments[0].overdue_at is None


def test_a_cancelled_generation_is_ignored() -> None:
    state = opened()
    stale = only(state, "handle")

    elsewhere = moved(state, Redispatch(department="south", reason="x"), minutes=0)

    assert only(elsewhere, "handle").due_at == stale.due_at, "nothing but the generation tells them apart"
    assert isinstance(rung(elsewhere, stale), Ignored)


def test_a_timer_that_comes_after_the_deed_is_ignored() -> None:
    state = opened()

    assert isinstance(rung(moved(state, Accept(), minutes=5), only(state, "accept")), Ignored)
    assert isinstance(rung(finished(), only(state, "handle")), Ignored)


def test_rework_past_the_deadline_is_overdue_at_once() -> None:
    """The deadline passed while the inspector was on the way; the clock stood, but it was not reset."""
    state = moved(finished(minutes=350), Inspect(passed=False), minutes=400)

    assert only(state, "handle").due_at == at(360)
    assert after(state, only(state, "handle")).assignments[0].overdue_at == at(360)


def test_a_reopened_case_may_be_overdue_again() -> None:
    overdue = after(opened(), only(opened(), "handle"))
    state = moved(overdue, Accept(), minutes=370)
    for action in (Finish(), Inspect(passed=True), CallBack(rating="dissatisfied")):
        state = moved(state, action, minutes=380)

    again = after(state, only(state, "handle"))

    assert [limit.overdue_at for limit in again.assignments[0].limits] == [at(360), at(500)]
    assert again.assignments[0].overdue_at == at(360), "the first time counts"


stamps = st.sampled_from([5, 29, 30, 30.5, 359, 360, 361])


@given(stamps, stamps)
def test_which_record_was_read_first_makes_no_difference(accept: float, finish: float) -> None:
    """On-time is judged by the stamp of the deed. The timer may be read before it, or after."""
    state = opened()
    accept_timer, handle_timer = running(state)

    plain = moved(moved(state, Accept(), minutes=accept), Finish(), minutes=max(accept, finish))
    timers_first = after(after(state, accept_timer), handle_timer)
    timers_first = moved(moved(timers_first, Accept(), minutes=accept), Finish(), minutes=max(accept, finish))

    assert timers_first.assignments == plain.assignments


@given(stamps, st.sampled_from([Void(reason="x"), Return(code="other", reason="x")]))
def test_that_holds_for_who_gives_the_case_up_too(minutes: float, action: Action) -> None:
    state = opened()
    timers_first = state
    for timer in running(state):
        timers_first = after(timers_first, timer)

    gave_up, late = moved(state, action, minutes=minutes), moved(timers_first, action, minutes=minutes)

    assert gave_up.assignments[0] == late.assignments[0]


def test_a_timer_has_an_id_of_its_own() -> None:
    state = opened()

    assert (
        len({due(timer).timer_id for timer in (*running(state), *running(moved(state, File(row_id="E0111-1"))))}) == 3
    )
