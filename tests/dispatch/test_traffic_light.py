"""Traffic lights: green until the pack's share of a limit is used, then yellow, and red once it has passed."""

from datetime import timedelta

import pytest

from paidan_contracts.actions import Inspect
from paidan_contracts.department_actions import Accept, Finish
from paidan_contracts.reports import ImportedHistory
from paidan_contracts.traffic_light import case_light, limit_lights, order_lights, worst_light
from paidan_dispatch.cases.decide import Progressed
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.timers import running_timers
from paidan_dispatch.inbox.case_rows import marks_of
from tests.dispatch.builders import at_minute, case_after, expire, imported_report, opened_case
from tests.dispatch.sample_pack import pack_document, policy_of


def policy_with(warn_at: float | None = 0.8, **rule: object) -> CityPolicy:
    document = pack_document()
    document["clocks"]["warn_at"] = warn_at
    if rule:
        document["routing"].insert(0, {"id": "both", "classes": ["E01*"], "lead": "roads", **rule})
    return policy_of(document)


ACCEPTED = case_after(opened_case(policy=policy_with()), Accept(), minutes=5, policy=policy_with())


@pytest.mark.parametrize(
    ("minute", "light"), [(0, "green"), (287, "green"), (288, "yellow"), (360, "yellow"), (360.1, "red")]
)
def test_four_fifths_of_a_limit_are_green_and_what_comes_at_its_end_is_in_time(minute: float, light: str) -> None:
    [shown] = limit_lights(ACCEPTED, at_minute(minute))

    assert (shown.clock, shown.department, shown.due_at, shown.light) == ("handle", "north", at_minute(360), light)
    assert case_light(ACCEPTED, at_minute(minute)) == light


def test_light_is_the_same_before_and_after_the_timers_of_its_time_were_read() -> None:
    state, lights = opened_case(policy=policy_with()), []
    for timer in sorted(running_timers(state), key=lambda each: each.due_at):
        before = state
        step = expire(state, timer)
        assert isinstance(step, Progressed)
        state = step.after
        for minute in (23, 24, 29, 30, 31, 287, 289, 360, 361):
            if at_minute(minute) > timer.due_at:
                assert limit_lights(before, at_minute(minute)) == limit_lights(state, at_minute(minute))
        shown = case_light(state, timer.due_at + timedelta(seconds=1))
        marks = marks_of(state)
        assert (marks.due_soon, marks.overdue) == (shown == "yellow", shown == "red")
        lights.append(shown)
    assert lights == ["yellow", "red", "red", "red"]


def test_a_city_that_warns_of_nothing_has_no_yellow() -> None:
    state = opened_case(policy=policy_with(None))

    assert [case_light(state, at_minute(each)) for each in (0, 30, 31)] == ["green", "green", "red"]


def test_lead_and_helper_have_lights_of_their_own_and_the_case_goes_by_the_lead() -> None:
    policy = policy_with(helpers=["water"])
    state = case_after(opened_case(policy=policy), Accept(), minutes=5, policy=policy)
    late = at_minute(31)

    assert [(each.clock, each.light) for each in order_lights(state, "roads", late)] == [("handle", "green")]
    assert [(each.clock, each.light) for each in order_lights(state, "water", late)] == [
        ("accept", "red"),
        ("handle", "green"),
    ]
    assert (case_light(state, late), worst_light(limit_lights(state, late))) == ("green", "red")


def test_stages_have_lights_and_what_has_no_limit_has_none() -> None:
    policy = policy_with()
    done = case_after(
        case_after(ACCEPTED, Finish(), minutes=6, policy=policy), Inspect(passed=True), minutes=400, policy=policy
    )
    inspecting = case_after(ACCEPTED, Finish(), minutes=400, policy=policy)

    assert [(each.clock, each.light) for each in limit_lights(inspecting, at_minute(401))] == [("inspect", "green")]
    assert case_light(inspecting, at_minute(500)) == "red"
    assert [each.clock for each in limit_lights(done, at_minute(401))] == ["callback"]
    past = opened_case(imported_report(past=ImportedHistory(owner="north")), policy=policy)
    assert (limit_lights(past, at_minute(0)), case_light(past, at_minute(0))) == ((), None)
