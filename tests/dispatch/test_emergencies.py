"""Emergencies and events shorten limits from an instant on: those of new cases, those that run; and they end."""

from datetime import datetime

import pytest

from paidan_contracts.actions import CallBack, Inspect
from paidan_contracts.assignments import Limit
from paidan_contracts.department_actions import Accept, Finish
from paidan_contracts.emergencies import EmergencyDeclaration
from paidan_contracts.emergency_events import CaseReclocked
from paidan_contracts.record_actions import Correct
from paidan_contracts.state import CaseState
from paidan_contracts.time_limit_actions import AskSuspension, Resume, Review, SetLimit
from paidan_contracts.unit_actions import HandOn
from paidan_dispatch.cases import orders
from paidan_dispatch.cases.timers import running_timers
from tests.dispatch.builders import at_minute, build_report, case_after, opened_case
from tests.dispatch.emergency_cases import POLICY, declared, policy_with_plans, reclocked, under
from tests.dispatch.units import UNITS

HOUR = 60


def limit_of(state: CaseState) -> Limit:
    return state.assignments[-1].limits[-1]


def due(state: CaseState) -> datetime | None:
    return limit_of(state).due_at


def shorten(state: CaseState, declaration: EmergencyDeclaration, *, minutes: float) -> CaseState:
    event = reclocked(state, declaration, under(declaration), minutes=minutes)
    assert event is not None
    return event.state


def test_new_case_has_the_levels_limits_with_their_receipt() -> None:
    """Four working hours from 09:00 end at 15:00; two hours of the level at 11:00."""
    snow = declared(minutes=-5)
    state = opened_case(build_report(), policy=under(snow))

    [assignment], receipt = state.assignments, limit_of(state).shortened
    assert (assignment.accept_by, due(state)) == (at_minute(10), at_minute(2 * HOUR))
    assert receipt is not None
    assert (receipt.declaration_id, receipt.rule.rule) == (snow.declaration_id, "snow.3")
    assert (receipt.due_before, receipt.rule.city_version) == (at_minute(6 * HOUR), POLICY.version)
    assert assignment.accept_shortened is not None
    assert assignment.accept_shortened.due_before == at_minute(30)


def test_share_of_a_working_limit_is_working_time() -> None:
    """Half of four working hours from 11:00 on: one before noon, one from 14:00 on."""
    state = opened_case(build_report(class_code="E0601", minutes=2 * HOUR), policy=under(declared()))

    assert due(state) == at_minute(6 * HOUR)
    assert opened_case(build_report(class_code="E0601", minutes=2 * HOUR)).assignments[-1].limits[-1].due_at == (
        at_minute(8 * HOUR)
    )


@pytest.mark.parametrize(
    ("minutes", "places", "class_code"),
    [(-1, (), "E0110"), (61, (), "E0110"), (10, ("2",), "E0110"), (10, (), "E0505")],
    ids=["before", "after its hours", "another district", "a class without a limit"],
)
def test_whom_it_does_not_concern_has_the_usual_limits(
    minutes: float, places: tuple[str, ...], class_code: str
) -> None:
    snow = declared(places=places, ends_at=at_minute(HOUR))
    report = build_report(minutes=minutes, class_code=class_code)

    assert opened_case(report, policy=under(snow)) == opened_case(report, policy=POLICY)


def test_running_limit_ends_earlier_but_not_before_the_minimum() -> None:
    """Two hours from 09:00 on are over at 11:00; half an hour after 10:50 at 11:20."""
    before = case_after(opened_case(policy=POLICY), Accept(), minutes=1, policy=POLICY)
    snow = declared(minutes=110)
    event = reclocked(before, snow, under(snow), minutes=111)

    assert isinstance(event, CaseReclocked)
    assert (event.due_before, event.due_at) == (at_minute(6 * HOUR), at_minute(140))
    assert limit_of(event.state).shortened is not None
    [told] = orders.order_events(before, [event], under(snow))
    assert told.order.due_at == at_minute(140)
    assert told.model_dump()["because"] == "emergency"
    assert {each.id for each in running_timers(before)}.isdisjoint(each.id for each in running_timers(event.state))
    assert reclocked(event.state, snow, under(snow), minutes=112) is None, "once for each declaration"


def test_late_portion_leaves_the_minimum_from_its_own_time_on() -> None:
    before = opened_case(policy=POLICY)

    assert due(shorten(before, declared(minutes=1), minutes=200)) == at_minute(230)


def test_what_stands_is_done_or_over_stays_as_it_is() -> None:
    in_work = case_after(opened_case(policy=POLICY), Accept(), minutes=1, policy=POLICY)
    asked = case_after(in_work, AskSuspension(reason="x", resume_at=at_minute(3000)), minutes=2, policy=POLICY)
    by_hand = SetLimit(due_at=at_minute(300), reason="the mayor")
    cases = {
        "suspended": case_after(asked, Review(approved=True), minutes=3, policy=POLICY),
        "inspecting": case_after(in_work, Finish(), minutes=3, policy=POLICY),
        "closed": case_after(
            case_after(in_work, Finish(), minutes=3, policy=POLICY), Inspect(passed=True), minutes=4, policy=POLICY
        ),
        "set by hand": case_after(in_work, by_hand, minutes=3, policy=POLICY),
    }
    snow = declared(minutes=5)

    assert [reclocked(state, snow, under(snow), minutes=6) for state in cases.values()] == [None] * 4
    late = declared(minutes=6 * HOUR + 1)
    assert reclocked(in_work, late, under(late), minutes=6 * HOUR + 2) is None, "over"


def test_work_that_goes_on_under_it_is_shortened_from_then_on() -> None:
    """Suspended at 09:03 with nearly four working hours left, resumed at 10:00: two hours."""
    in_work = case_after(opened_case(policy=POLICY), Accept(), minutes=1, policy=POLICY)
    asked = case_after(in_work, AskSuspension(reason="x", resume_at=at_minute(3000)), minutes=2, policy=POLICY)
    suspended = case_after(asked, Review(approved=True), minutes=3, policy=POLICY)
    snow = declared(minutes=5)
    resumed = case_after(suspended, Resume(), minutes=HOUR, policy=under(snow), actor="operator:olga")

    assert due(resumed) == at_minute(3 * HOUR)
    assert reclocked(resumed, snow, under(snow), minutes=61) is None


def test_reopened_round_and_corrected_row_follow_it() -> None:
    snow = declared(level="2", minutes=5)
    closed = opened_case(policy=POLICY)
    for minutes, action in ((6, Accept()), (7, Finish()), (8, Inspect(passed=True))):
        closed = case_after(closed, action, minutes=minutes, policy=POLICY)
    reopened = case_after(closed, CallBack(rating="dissatisfied"), minutes=9, policy=under(snow))
    in_work = case_after(opened_case(policy=POLICY), Accept(), minutes=1, policy=POLICY)
    rubble = Correct(reason="it is rubble", class_code="E0111")
    corrected = case_after(in_work, rubble, minutes=20, policy=under(snow))

    assert (due(reopened), due(corrected)) == (at_minute(69), at_minute(60))
    other = Correct(reason="elsewhere", class_code="E0601", district="2")
    moved = case_after(shorten(in_work, snow, minutes=6), other, minutes=20, policy=under(declared(places=("1",))))
    assert (due(moved), limit_of(moved).shortened) == (at_minute(6 * HOUR), None)


def test_unit_has_its_share_of_what_is_left_to_its_department() -> None:
    """Four fifths of the 114 minutes from 09:06 to 11:00."""
    policy = policy_with_plans(departments=[*POLICY.city.pack.model_dump()["departments"], *UNITS])
    in_work = case_after(opened_case(policy=policy), HandOn(unit="north-squad"), minutes=1, policy=policy)
    snow = declared(minutes=5)
    event = reclocked(in_work, snow, under(snow, policy=policy), minutes=6)

    assert event is not None
    unit = event.state.assignments[-1].handed_on[-1]
    assert (event.due_at, unit.due_at, unit.settings) == (at_minute(2 * HOUR), at_minute(6 + 0.8 * 114), 1)
    told = orders.order_events(in_work, [event], policy)
    assert [(each.order.role, each.model_dump()["because"]) for each in told] == [
        ("lead", "emergency"), ("unit", "emergency")
    ]  # fmt: skip


def test_gravest_of_several_holds_and_what_is_left_after_one_ends() -> None:
    mild, grave = declared(minutes=1), declared(level="2", minutes=2)
    state = opened_case(build_report(minutes=5), policy=under(mild, grave))
    assert due(state) == at_minute(65)

    event = reclocked(state, grave, under(mild), minutes=10, restores=True)

    assert event is not None
    assert (event.restored, event.due_at) == (True, at_minute(125))
    assert limit_of(event.state).shortened.declaration_id == mild.declaration_id  # type: ignore[union-attr]


def test_limit_set_by_hand_goes_on_under_it_as_it_was() -> None:
    in_work = case_after(opened_case(policy=POLICY), Accept(), minutes=1, policy=POLICY)
    by_hand = case_after(in_work, SetLimit(due_at=at_minute(300), reason="the mayor"), minutes=2, policy=POLICY)
    asked = case_after(by_hand, AskSuspension(reason="x", resume_at=at_minute(3000)), minutes=3, policy=POLICY)
    suspended = case_after(asked, Review(approved=True), minutes=4, policy=POLICY)
    snow = declared(minutes=5)

    resumed = case_after(suspended, Resume(), minutes=34, policy=under(snow), actor="operator:olga")

    assert (due(resumed), limit_of(resumed).shortened) == (at_minute(330), None)
    later = declared(level="2", minutes=40)
    assert reclocked(resumed, later, under(later), minutes=41) is None
    assert resumed.time_limits is not None
    assert resumed.time_limits.set_because == "the mayor"


def test_limits_get_back_their_former_end() -> None:
    snow = declared(minutes=5)
    shortened = shorten(opened_case(policy=POLICY), snow, minutes=6)
    event = reclocked(shortened, snow, POLICY, minutes=20, restores=True)

    assert event is not None
    assert (due(event.state), limit_of(event.state).shortened) == (at_minute(6 * HOUR), None)
    assert reclocked(event.state, snow, POLICY, minutes=21, restores=True) is None
    assert reclocked(shortened, snow, POLICY, minutes=3 * HOUR, restores=True) is None, "over under the emergency"
    by_hand = SetLimit(due_at=at_minute(200), reason="the mayor")
    set_anew = case_after(shortened, by_hand, minutes=10, policy=under(snow))
    assert reclocked(set_anew, snow, POLICY, minutes=20, restores=True) is None, "set by hand since"
