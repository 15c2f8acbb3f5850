"""The escalation ladder: once for each limit it urges and raises by itself, by hand anybody who may; limits stay."""

from paidan_contracts.actions import CallBack, File, Inspect, Redispatch
from paidan_contracts.department_actions import Accept, Finish
from paidan_dispatch.cases.ladder import follow_status
from paidan_dispatch.cases.timers import running_timers
from paidan_dispatch.inbox.case_rows import level_of
from tests.dispatch.builders import (
    at_minute,
    build_report,
    opened_case,
)
from tests.dispatch.escalation_cases import POLICY, accepted, after, levels, policy_with, run_until
from tests.dispatch.sample_pack import LADDER


def test_ladder_climbs_step_by_step_by_working_time_after_the_limit() -> None:
    """Four working hours from Monday 09:00 end at 15:00; an hour more is 16:00, a working day more Tuesday 15:00."""
    state, told = run_until(accepted(), 5_000)

    assert told == [
        ("clock_warned", 180),
        ("escalated", 324),  # nine tenths of the limit, for this class
        ("overdue", 360),
        ("urged", 360),
        ("escalated", 420),
        ("escalated", 360 + 24 * 60),
    ]
    assert levels(state) == ["watched", "leader", "supervised", "listed"]
    assert (state.urged, level_of(state)) == (1, "listed")
    assert state.status == "handling"
    assert state.assignments[-1].limits[-1].due_at == at_minute(360)
    assert list(running_timers(state)) == []


def test_a_level_names_posts_of_the_city_and_of_the_case_s_own_district() -> None:
    state, _ = run_until(accepted(), 420)

    assert state.escalation is not None
    raised = {each.level: each for each in state.escalation.standing}
    assert raised["leader"].posts == ("mayor", "desk-1")
    assert (raised["leader"].since, raised["leader"].by) == (at_minute(420), None)
    assert raised["leader"].rule is not None
    assert raised["leader"].rule.rule == "to-leader"


def test_who_finishes_in_time_is_not_escalated_and_work_that_fails_goes_on_where_it_stood() -> None:
    warned, _ = run_until(accepted(), 200)
    finished = after(warned, Finish(), 200)
    assert [each.kind for each in running_timers(finished) if "escalation" in each.kind] == []

    reworked = after(finished, Inspect(passed=False, reason="dirty"), 380)
    state, told = run_until(reworked, 700)

    assert told == [("overdue", 360), ("escalated", 360), ("urged", 360), ("escalated", 420)]
    assert levels(state) == ["watched", "leader", "supervised"]


def test_ladder_halts_while_the_work_is_inspected_and_no_step_fires_twice() -> None:
    late, _ = run_until(accepted(), 400)
    assert levels(late) == ["watched"]
    inspecting = after(late, Finish(), 410)
    assert [each for each in running_timers(inspecting) if "escalation" in each.kind] == []

    state = after(inspecting, Inspect(passed=False, reason="dirty"), 1_410)
    [timer] = [each for each in running_timers(state) if "escalation" in each.kind]
    state, told = run_until(state, 1_420)

    assert timer.due_at == at_minute(1_420)
    assert told == [("escalated", 1_420)]
    assert state.urged == 1


def test_suspended_work_is_not_escalated_and_what_was_left_is_left_when_it_goes_on() -> None:
    late, _ = run_until(accepted(), 400)
    suspended = late.model_copy(update={"status": "suspended"})
    assert [each for each in running_timers(suspended) if "escalation" in each.kind] == []

    halted = follow_status(late, suspended, at_minute(405))
    state = follow_status(halted, halted.model_copy(update={"status": "handling"}), at_minute(2_405))

    [timer] = [each for each in running_timers(state) if "escalation" in each.kind]
    assert timer.due_at == at_minute(2_420)


def test_reopened_case_begins_the_ladder_anew_under_its_new_limit() -> None:
    late, _ = run_until(accepted(), 430)
    closed = after(after(late, Finish(), 440), Inspect(passed=True), 450)
    assert (levels(closed), level_of(closed)) == ([], None)
    assert closed.escalation is not None
    assert {each.ended_at for each in closed.escalation.entries} == {at_minute(450)}

    reopened = after(closed, CallBack(rating="dissatisfied"), 500)
    state, told = run_until(reopened, 5_000)

    assert [kind for kind, _ in told] == ["clock_warned", "escalated", "overdue", "urged", "escalated", "escalated"]
    assert levels(state) == ["watched", "leader", "supervised", "listed"]
    assert state.urged == 2


def test_another_department_or_row_begins_anew_while_what_stands_goes_on_standing() -> None:
    late, _ = run_until(accepted(), 430)

    moved = after(late, Redispatch(department="water", reason="theirs"), 440)
    state, told = run_until(moved, 100_000)

    assert levels(moved) == ["watched", "leader", "supervised"]
    assert [kind for kind, _ in told].count("urged") == 4, "of accepting, of handling, and where all levels stand"
    assert levels(state) == ["watched", "leader", "supervised", "listed"]
    refiled = after(late, File(row_id="E0111-1"), 440)
    assert [each for each in running_timers(refiled) if "escalation" in each.kind] == []


def test_held_case_is_raised_though_no_department_has_it() -> None:
    state, told = run_until(opened_case(build_report(class_code=None), policy=POLICY), 60)

    assert told == [("clock_warned", 7.5), ("clock_overdue", 15), ("escalated", 15)]
    assert levels(state) == ["leader"]


def test_step_is_for_its_classes_sources_and_places_alone() -> None:
    elsewhere = opened_case(build_report(class_code="E0601", place={"district": "2"}), policy=POLICY)
    other = after(elsewhere, Accept(), 5)

    state, _ = run_until(other, 421)

    assert levels(state) == ["leader", "supervised"], "watched is for another class"
    assert state.escalation is not None
    assert state.escalation.standing[0].posts == ("mayor", "desk-2")


def test_a_step_that_the_pack_lost_still_fires_as_it_was_set() -> None:
    late, _ = run_until(accepted(), 400)

    state, told = run_until(late, 430, policy_with(ladder={"levels": LADDER["levels"]}))

    assert [kind for kind, _ in told] == ["escalated"]
    assert levels(state) == ["watched", "leader", "supervised"]
