"""Timers expire once each, cancelled ones have no effect, and the action's time decides, not the order of reading."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paidan_contracts.actions import Action, CallBack, File, Inspect, Redispatch, Void
from paidan_contracts.department_actions import Accept, Finish, Return
from paidan_contracts.reports import ImportedHistory
from paidan_contracts.state import CaseState
from paidan_dispatch.cases.decide import Ignored, Progressed
from paidan_dispatch.cases.timers import Timer, next_due_at, running_timers
from tests.dispatch.builders import (
    at_minute,
    build_report,
    case_after,
    closed,
    expire,
    finished,
    imported_report,
    opened_case,
    timer_due,
)


def single_timer(state: CaseState, kind: str) -> Timer:
    (timer,) = [each for each in running_timers(state) if each.kind == kind]
    return timer


def step_after(state: CaseState, timer: Timer) -> CaseState:
    result = expire(state, timer)
    assert isinstance(result, Progressed)
    return result.after


def test_a_dispatch_sets_both_timers() -> None:
    state = opened_case()

    assert [(each.kind, each.due_at) for each in running_timers(state)] == [
        ("accept", at_minute(30)),
        ("handle", at_minute(360)),
    ]
    assert next_due_at(state) == single_timer(state, "accept").due_at


def test_imported_cases_and_those_that_nothing_awaits_have_no_timer() -> None:
    for state in (
        opened_case(imported_report(past=ImportedHistory(owner="water", promised_by=at_minute(60)))),
        opened_case(imported_report(past=ImportedHistory(verified=False))),
        case_after(opened_case(), Void(reason="x")),
        closed().model_copy(update={"callbacks_awaited": (), "clocks": ()}),
    ):
        assert running_timers(state) == ()


def test_without_a_limit_only_acceptance_is_timed() -> None:
    assert [each.kind for each in running_timers(opened_case(build_report(class_code="E0505")))] == ["accept"]


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
def test_timers_that_a_step_cancels_and_sets(action: Action, cancelled: list[str], newly_set: list[str]) -> None:
    state = opened_case()

    before, after = running_timers(state), running_timers(case_after(state, action, minutes=5))

    assert [each.kind for each in before if each not in after] == cancelled
    assert [each.kind for each in after if each not in before] == newly_set


def test_no_generation_is_ever_used_twice() -> None:
    """Or a cancelled timer that was on its way would pass for a new one."""
    state = opened_case()
    seen: set[tuple[str, int]] = set()
    steps: list[Action] = [
        Redispatch(department="south", reason="x"),
        File(row_id="E0111-1"),
        Accept(),
        File(row_id="E0110-1"),
        Finish(),
        Inspect(passed=False, reason="x"),
        File(row_id="E0111-1"),
        Finish(),
        Inspect(passed=True),
        CallBack(rating="dissatisfied"),
    ]
    for minute, action in enumerate(steps):
        was, state = state, case_after(state, action, minutes=minute)
        for timer in set(running_timers(state)) - set(running_timers(was)):
            assert (timer.kind, timer.generation) not in seen
            seen.add((timer.kind, timer.generation))
    assert len(seen) == 10


@pytest.mark.parametrize("kind", ["accept", "handle"])
def test_timer_expires_once(kind: str) -> None:
    state = opened_case()
    timer = single_timer(state, kind)

    late = expire(state, timer)

    assert isinstance(late, Progressed)
    (event,) = late.events
    body = event.model_dump()
    assert (body["type"], body["clock"], body["due_at"]) == ("case.overdue.v1", kind, timer.due_at)
    assert (event.recorded_at, event.cause.kind, event.actor) == (timer.due_at, "timer", None)
    assert set(running_timers(state)) - set(running_timers(late.after)) == {timer}
    assert isinstance(expire(late.after, timer), Ignored)


def test_the_other_timer_runs_on() -> None:
    state = opened_case()

    late = step_after(state, single_timer(state, "accept"))

    assert [each.kind for each in running_timers(late)] == ["handle"]
    assert late.assignments[0].accept_overdue_at == at_minute(30)
    assert late.assignments[0].overdue_at is None


def test_a_cancelled_generation_is_ignored() -> None:
    state = opened_case()
    stale = single_timer(state, "handle")

    elsewhere = case_after(state, Redispatch(department="south", reason="x"), minutes=0)

    assert single_timer(elsewhere, "handle").due_at == stale.due_at, "nothing but the generation tells them apart"
    assert isinstance(expire(elsewhere, stale), Ignored)


def test_timer_after_completion_is_ignored() -> None:
    state = opened_case()

    assert isinstance(expire(case_after(state, Accept(), minutes=5), single_timer(state, "accept")), Ignored)
    assert isinstance(expire(finished(), single_timer(state, "handle")), Ignored)


def test_rework_past_the_deadline_is_overdue_at_once() -> None:
    """The deadline passed while the inspector was on the way; no timer ran, but the limit was not reset."""
    state = case_after(finished(minutes=350), Inspect(passed=False, reason="x"), minutes=400)

    assert single_timer(state, "handle").due_at == at_minute(360)
    assert step_after(state, single_timer(state, "handle")).assignments[0].overdue_at == at_minute(360)


def test_a_reopened_case_may_be_overdue_again() -> None:
    overdue = step_after(opened_case(), single_timer(opened_case(), "handle"))
    state = case_after(overdue, Accept(), minutes=370)
    for action in (Finish(), Inspect(passed=True), CallBack(rating="dissatisfied")):
        state = case_after(state, action, minutes=380)

    again = step_after(state, single_timer(state, "handle"))

    assert [limit.overdue_at for limit in again.assignments[0].limits] == [at_minute(360), at_minute(500)]
    assert again.assignments[0].overdue_at == at_minute(360), "the first time counts"


stamps = st.sampled_from([5, 29, 30, 30.5, 359, 360, 361])


@given(stamps, stamps)
def test_timer_and_action_order_does_not_matter(accept: float, finish: float) -> None:
    """An action is judged by its own time. The timer may be read before it, or after."""
    state = opened_case()
    accept_timer, handle_timer = running_timers(state)

    plain = case_after(case_after(state, Accept(), minutes=accept), Finish(), minutes=max(accept, finish))
    timers_first = step_after(step_after(state, accept_timer), handle_timer)
    timers_first = case_after(case_after(timers_first, Accept(), minutes=accept), Finish(), minutes=max(accept, finish))

    assert timers_first.assignments == plain.assignments


@given(stamps, st.sampled_from([Void(reason="x"), Return(code="other", reason="x")]))
def test_the_same_holds_when_the_department_loses_the_case(minutes: float, action: Action) -> None:
    state = opened_case()
    timers_first = state
    for timer in running_timers(state):
        timers_first = step_after(timers_first, timer)

    gave_up, late = case_after(state, action, minutes=minutes), case_after(timers_first, action, minutes=minutes)

    assert gave_up.assignments[0] == late.assignments[0]


def test_each_timer_has_its_own_id() -> None:
    state = opened_case()

    assert (
        len(
            {
                timer_due(timer).timer_id
                for timer in (*running_timers(state), *running_timers(case_after(state, File(row_id="E0111-1"))))
            }
        )
        == 3
    )
