"""The clocks of verifying, dispatching, inspecting and calling back: they run while the case waits, and go overdue."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paidan_contracts.actions import Action, Assign, CallBack, File, Inspect, Urge, Verify, Void
from paidan_contracts.case_event import Cause
from paidan_contracts.department_actions import Accept, Finish, Return
from paidan_contracts.state import CaseState, StageClock
from paidan_dispatch.cases.case_state import Provenance, with_clock
from paidan_dispatch.cases.decide import Ignored, Progressed
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.timers import Timer, next_due_at, running_timers
from tests.dispatch.builders import (
    ActionContext,
    at_minute,
    build_report,
    case_after,
    decide_action,
    expire,
    finished,
    opened_case,
    receive_reports,
)
from tests.dispatch.sample_pack import default_policy, pack_document, policy_of

UNVERIFIED = opened_case(build_report(source="app"))
HELD = opened_case(build_report(class_code=None))
NEXT_WORKING_DAY = at_minute(24 * 60 + 20)


def policy_with_limits(**limits: str) -> CityPolicy:
    pack = pack_document()
    for stage, limit in limits.items():
        amount, unit = limit.split()
        pack["clocks"][stage] = {"amount": int(amount), "unit": unit}
    return policy_of(pack)


def _provenance(at: datetime) -> Provenance:
    return Provenance(Cause(kind="timer", id=build_report().report_id), at, at, default_policy())


def stage_timer(state: CaseState) -> Timer:
    (timer,) = [each for each in running_timers(state) if each.kind not in ("accept", "handle")]
    return timer


def clock(state: CaseState, kind: str) -> StageClock:
    return next(each for each in state.clocks[::-1] if each.kind == kind)


@pytest.mark.parametrize(
    ("state", "kind", "began", "due"),
    [
        pytest.param(UNVERIFIED, "verify", 0, 15, id="verify"),
        pytest.param(HELD, "dispatch", 0, 15, id="dispatch"),
        pytest.param(finished(minutes=10), "inspect", 10, 25, id="inspect"),
    ],
)
def test_a_clock_runs_while_a_case_waits_for_a_person(state: CaseState, kind: str, began: int, due: int) -> None:
    running = state.clocks[-1]

    assert (running.kind, running.number, running.ended_at) == (kind, 1, None)
    assert (running.began_at, running.due_at) == (at_minute(began), at_minute(due))
    assert stage_timer(state).due_at == next_due_at(state)
    assert (stage_timer(state).kind, stage_timer(state).due_at) == (kind, at_minute(due))


def test_limits_are_the_packs() -> None:
    policy = policy_with_limits(verify="3 urgent_minute", dispatch="4 urgent_hour", inspect="2 working_day")

    assert opened_case(build_report(source="app"), policy=policy).clocks[-1].due_at == at_minute(3)
    assert opened_case(build_report(class_code=None), policy=policy).clocks[-1].due_at == at_minute(240)
    done = case_after(opened_case(), Finish(), minutes=10, policy=policy)
    assert done.clocks[-1].due_at == at_minute(2 * 24 * 60 + 10)


def test_on_the_usual_way_no_stage_clock_runs() -> None:
    state = case_after(opened_case(), Accept())

    assert state.clocks == ()
    assert {each.kind for each in running_timers(state)} == {"handle"}


@pytest.mark.parametrize("state", [UNVERIFIED, HELD, finished()])
def test_a_stage_goes_overdue_once_as_an_event_of_no_department(state: CaseState) -> None:
    timer = stage_timer(state)

    late = expire(state, timer)

    assert isinstance(late, Progressed)
    (event,) = late.events
    body = event.model_dump()
    assert (body["type"], body["clock"], body["due_at"]) == ("case.clock_overdue.v1", timer.kind, timer.due_at)
    assert (event.recorded_at, event.cause.kind, event.cause.id) == (timer.due_at, "timer", timer.id)
    assert (late.after.status, late.after.clocks[-1].overdue_at) == (state.status, timer.due_at)
    assert isinstance(expire(late.after, timer), Ignored)
    assert next_due_at(late.after) is None


@pytest.mark.parametrize(
    ("state", "action", "kind"),
    [
        (UNVERIFIED, Verify(verified=True), "verify"),
        (UNVERIFIED, Verify(verified=False, reason="x"), "verify"),
        (HELD, File(row_id="E0110-1"), "dispatch"),
        (HELD, Assign(department="water", reason="x"), "dispatch"),
        (HELD, Void(reason="x"), "dispatch"),
        (finished(minutes=10), Inspect(passed=True), "inspect"),
        (finished(minutes=10), Inspect(passed=False, reason="x"), "inspect"),
        (finished(minutes=10), Void(reason="x"), "inspect"),
    ],
)
@pytest.mark.parametrize("minutes", [15, 25, 26, 999])
def test_the_deed_ends_its_clock_met_or_missed_by_its_own_time(
    state: CaseState, action: Action, kind: str, minutes: int
) -> None:
    timer = stage_timer(state)

    plain = clock(case_after(state, action, minutes=minutes), kind)
    late = expire(state, timer)
    assert isinstance(late, Progressed)
    after_timer = clock(case_after(late.after, action, minutes=minutes), kind)

    assert plain == after_timer, "whichever was read first"
    assert plain.ended_at == at_minute(minutes)
    assert plain.overdue_at == (timer.due_at if at_minute(minutes) > timer.due_at else None)


def test_a_trusted_report_that_joins_ends_the_verification() -> None:
    _, joined = receive_reports(build_report("1", source="app"), build_report("2", minutes=5))

    assert isinstance(joined, Progressed)
    assert clock(joined.after, "verify").ended_at == at_minute(5)
    assert joined.after.status == "dispatched"


def test_each_return_to_a_stage_has_a_clock_of_its_own() -> None:
    state = finished(minutes=10)
    state = case_after(state, Inspect(passed=False, reason="x"), minutes=20)
    state = case_after(state, Finish(), minutes=30)

    assert [(each.kind, each.number, each.due_at) for each in state.clocks] == [
        ("inspect", 1, at_minute(25)),
        ("inspect", 2, at_minute(45)),
    ]
    assert isinstance(expire(state, stage_timer(finished(minutes=10))), Ignored)


def test_filing_again_does_not_begin_the_wait_for_a_department_anew() -> None:
    pack = pack_document()
    pack["routing"] = []
    policy = policy_of(pack)
    state = opened_case(policy=policy)

    filed = case_after(state, File(row_id="E0111-1", reason="x"), minutes=14, policy=policy)

    assert (filed.status, [each.due_at for each in filed.clocks]) == ("filed", [at_minute(15)])


def test_a_returned_case_that_waits_for_a_department_has_its_clock() -> None:
    state = opened_case(build_report(class_code="E0601"))

    held = case_after(state, Return(code="other", reason="no"), minutes=7)

    assert (held.status, clock(held, "dispatch").began_at) == ("filed", at_minute(7))


def test_whoever_is_to_be_called_back_is_awaited_within_the_limit() -> None:
    """Until the last of them was called; nobody waits where nobody asked."""
    called = opened_case(build_report(wants_callback=True, reporter=build_report().report_id))
    unasked = opened_case(build_report(source="app", wants_callback=False))
    for action in (Finish(), Inspect(passed=True)):
        called = case_after(called, action, minutes=20)
    done = case_after(called, CallBack(rating="satisfied"), minutes=30)

    assert (called.callbacks_awaited, clock(called, "callback").began_at) == ((called.opened_by,), at_minute(20))
    assert stage_timer(called).due_at == clock(called, "callback").due_at == NEXT_WORKING_DAY
    assert (clock(done, "callback").ended_at, clock(done, "callback").overdue_at) == (at_minute(30), None)
    assert running_timers(done) == ()
    assert not any(each.kind == "callback" for each in unasked.clocks)


def test_case_that_waits_since_before_there_were_clocks_has_one_from_its_next_step() -> None:
    old = HELD.model_copy(update={"clocks": ()})

    step = decide_action(old, File(row_id="E9999-1"), ActionContext(minutes=40))
    assert not isinstance(step, Progressed), "a refused action is no step"
    _, joined = receive_reports(build_report("1", source="app"), build_report("2", source="app", minutes=40))
    assert isinstance(joined, Progressed)
    again = with_clock(joined.after.model_copy(update={"clocks": ()}), _provenance(at_minute(40)))

    assert [(each.kind, each.began_at) for each in again.clocks] == [("verify", at_minute(40))]


def test_without_a_calendar_that_reaches_so_far_a_stage_has_no_clock() -> None:
    far = opened_case(
        build_report(source="app", minutes=60 * 24 * 90), policy=policy_with_limits(verify="5 working_day")
    )

    assert (far.status, far.clocks) == ("received", ())


@given(
    st.lists(
        st.sampled_from(
            [Accept(), Finish(), Inspect(passed=False, reason="x"), Urge(), Return(code="other", reason="x")]
        ),
        max_size=12,
    )
)
def test_at_most_one_stage_clock_runs_and_numbers_rise(actions: list[Action]) -> None:
    state = opened_case(build_report(class_code="E0601"))
    seen: dict[tuple[str, int], object] = {}
    for minute, action in enumerate(actions):
        result = decide_action(state, action, ActionContext(minutes=minute))
        state = result.after if isinstance(result, Progressed) else state
        running = [each for each in state.clocks if each.ended_at is None]
        assert len(running) <= 1
        assert running == list(state.clocks[-1:]) or not running
        for timer in running_timers(state):
            assert seen.setdefault((timer.kind, timer.generation), timer.due_at) == timer.due_at
