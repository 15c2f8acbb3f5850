"""建设计划: a wish (有路无灯) waits with a date, answers its resident, is overdue, planned anew and struck off."""

import pytest

from paidan_contracts.actions import Assign, CallBack, Void
from paidan_contracts.construction_actions import PlanConstruction, StrikeOff
from paidan_contracts.construction_events import CaseConstructionPlanned
from paidan_contracts.orders import OrderWithdrawn
from paidan_contracts.record_actions import Correct
from paidan_contracts.traffic_light import limit_lights, worst_light
from paidan_dispatch.cases.decide import Progressed, Refused, expire_timer
from paidan_dispatch.cases.limit_requests import is_planned
from paidan_dispatch.cases.orders import order_events
from paidan_dispatch.cases.timers import running_timers
from tests.dispatch.action_table import case_in_status
from tests.dispatch.builders import (
    ActionContext,
    at_minute,
    build_report,
    case_after,
    decide_action,
    opened_case,
    timer_due,
    types,
)
from tests.dispatch.sample_pack import default_policy, pack_document, policy_of

DAY = 24 * 60
WISH = PlanConstruction(due_at=at_minute(30 * DAY), reason="a road without a lamp")
POLICY = default_policy()


def test_wish_waits_with_its_date_and_no_other_clock_runs() -> None:
    """有路无灯: the limit of the complaint, warned or not, ends; the resident reads when it is built."""
    state = opened_case(build_report(class_code="C0101", promised_by=at_minute(DAY)))
    assert {each.kind for each in running_timers(state)} > {"promise"}

    planned = case_after(state, WISH, minutes=5)

    assert is_planned(planned)
    assert [(each.kind, each.due_at) for each in running_timers(planned)] == [("construction", at_minute(30 * DAY))]
    assert planned.answer is not None
    assert "2026-04-01 09:00" in planned.answer
    assert planned.held_because is None


def test_department_loses_its_order_as_it_is_planned() -> None:
    state = opened_case()
    result = decide_action(state, WISH, ActionContext(minutes=5))
    assert isinstance(result, Progressed)

    (withdrawn,) = order_events(state, result.events, POLICY)

    assert isinstance(withdrawn, OrderWithdrawn)
    assert (withdrawn.because, withdrawn.reason) == ("planned", WISH.reason)


def test_date_that_passes_is_overdue_by_a_timer_and_planned_anew_with_a_reason() -> None:
    planned = case_after(case_in_status("filed"), WISH, minutes=5)
    (timer,) = running_timers(planned)
    late = expire_timer(planned, timer_due(timer), POLICY)
    assert isinstance(late, Progressed)
    assert types(late) == ["clock_overdue"]
    assert worst_light(limit_lights(late.after, at_minute(31 * DAY))) == "red"

    later = PlanConstruction(due_at=at_minute(60 * DAY), reason="the cable comes first")
    again = decide_action(late.after, later, ActionContext(minutes=31 * DAY))

    assert isinstance(again, Progressed)
    event = again.events[0]
    assert isinstance(event, CaseConstructionPlanned)
    assert (event.due_before, event.due_at) == (at_minute(30 * DAY), at_minute(60 * DAY))
    first, second = again.after.clocks[-2:]
    assert (first.overdue_at, second.number, second.overdue_at) == (at_minute(30 * DAY), 2, None)


def test_what_is_built_is_struck_off_and_its_resident_called() -> None:
    planned = case_after(case_in_status("dispatched"), WISH, minutes=5)
    built = case_after(planned, StrikeOff(text="three lamps"), minutes=20 * DAY)

    assert (built.status, built.closed_at, built.answer) == ("closed", at_minute(20 * DAY), "three lamps")
    assert built.callbacks_awaited == (built.opened_by,)
    assert built.clocks[-2].overdue_at is None

    rated = case_after(built, CallBack(rating="dissatisfied"), minutes=20 * DAY + 5)
    assert rated.status == "closed", "there is no order that could go on"


def test_plan_is_left_for_good_with_an_answer() -> None:
    planned = case_after(case_in_status("filed"), WISH)
    ended = case_after(planned, Void(reason="no money", answer="It is not built."))

    assert (ended.status, ended.answer) == ("voided", "It is not built.")


@pytest.mark.parametrize(
    ("terms", "post", "due", "code"),
    [
        (None, None, 9, "not_allowed_in_state"),
        ({"duties": ["dispatcher"]}, None, -9, "invalid_field"),
        ({"duties": ["dispatcher"]}, "taker", 9, "not_your_duty"),
        ({"duties": ["dispatcher"], "matters": ["suggestion"]}, None, 9, "not_allowed_in_state"),
    ],
    ids=["no plan", "a past date", "another duty", "another matter"],
)
def test_planning_is_refused(terms: dict[str, object] | None, post: str | None, due: float, code: str) -> None:
    posts = [{"id": "taker", "names": {"zh": "受理", "en": "Taker"}, "duty": "acceptor"}]
    document = pack_document() | {"construction": terms, "posts": posts}
    policy = policy_of(document)
    action = PlanConstruction(due_at=at_minute(due), reason="x")

    result = decide_action(
        opened_case(build_report(matter="help"), policy=policy), action, ActionContext(post=post), policy=policy
    )

    assert isinstance(result, Refused)
    assert result.refusal.code == code
    assert result.refusal.message_zh


def test_who_takes_it_out_of_the_plan_takes_back_the_answer() -> None:
    planned = case_after(case_in_status("dispatched"), WISH, minutes=5)
    assigned = case_after(planned, Assign(department="water", reason="a lamp stands there"), minutes=9)

    assert (assigned.status, assigned.answer) == ("dispatched", None)
    assert {each.kind for each in running_timers(assigned)} == {"accept", "handle"}


@pytest.mark.parametrize(
    "action",
    [
        Correct(reason="misheard", class_code="E0601"),
        Correct(reason="misheard", district="2"),
        Correct(reason="misheard", row_id="E0601-1"),
    ],
    ids=["class", "place", "row"],
)
def test_what_is_corrected_stays_in_the_plan(action: Correct) -> None:
    planned = case_after(case_in_status("dispatched"), WISH, minutes=5)

    corrected = case_after(planned, action, minutes=9)

    assert is_planned(corrected)
    assert corrected.answer == planned.answer
    assert running_timers(corrected) == running_timers(planned)


def test_what_is_not_planned_is_not_struck_off() -> None:
    result = decide_action(case_in_status("filed"), StrikeOff())

    assert isinstance(result, Refused)
    assert result.refusal.code == "not_allowed_in_state"
