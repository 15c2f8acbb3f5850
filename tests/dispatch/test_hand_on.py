"""二级派遣: an order is handed on inside its department, with a limit of its own; the department stays answerable."""

import pytest

from paidan_contracts.actions import Action
from paidan_contracts.department_actions import Accept, Finish, Return
from paidan_contracts.record_actions import Correct
from paidan_contracts.time_limit_actions import AskSuspension, Resume, Review, SetLimit
from paidan_contracts.unit_actions import Confirm, HandOn
from paidan_dispatch.cases import orders
from paidan_dispatch.cases.case_state import open_helpers
from paidan_dispatch.cases.decide import Progressed
from paidan_dispatch.cases.timers import running_timers
from tests.dispatch.builders import (
    ActionContext,
    at_minute,
    build_report,
    case_after,
    decide_action,
    opened_case,
    stored_photos,
    types,
)
from tests.dispatch.hand_on_cases import (
    PERSON,
    PHOTO,
    POLICY,
    SQUAD,
    STRAIGHT,
    after,
    handed_on,
    refusal,
    step,
    told,
    unit_order,
)
from tests.dispatch.sample_pack import CATALOGUE, build_row
from tests.dispatch.units import policy_with_units

SHORT = policy_with_units(
    catalogue=CATALOGUE | {"rows": [*CATALOGUE["rows"], build_row("E0110", "3", "1 working_hour")]}
)
ROW_OF_AN_HOUR = Correct(row_id="E0110-3", reason="x")


def test_order_is_handed_on_and_thereby_accepted() -> None:
    result = step(opened_case(), SQUAD, minutes=0)

    assert types(result) == ["accepted", "handed_on"]
    order = unit_order(result.after)
    assert (order.number, order.unit, order.handed_on_by, order.person) == (1, "north-squad", "north", None)
    assert (result.after.status, result.after.department) == ("handling", "north"), "the bureau stays answerable"
    assert told(result) == [("north", "unit", "north-squad", "issued", None)]
    [message] = orders.order_events(result.before, result.events, POLICY)
    assert (message.order.lead, message.order.due_at) == ("north", order.due_at)


def test_units_share_of_a_limit_of_working_time_is_working_time() -> None:
    """Four working hours from Monday 09:00 end at 15:00; half of them are over at 11:00, not at 12:00."""
    order = unit_order(handed_on())
    assert order.due_at == at_minute(120)
    late_in_the_morning = unit_order(after(after(opened_case(), Accept()), SQUAD, minutes=150))
    assert late_in_the_morning.due_at == at_minute(60 * 5 + 15), "of 90 minutes from 11:30 on half lie before 14:15"
    urgent = opened_case(build_report(class_code="E0505"), policy=POLICY)
    assert (
        unit_order(
            after(urgent.model_copy(update={"department": "roads"}), HandOn(unit="roads", person=PERSON), by="roads")
        ).due_at
        is None
    )


def test_hand_set_limit_ends_before_the_departments() -> None:
    state = opened_case()

    assert unit_order(after(state, HandOn(unit="north-squad", due_at=at_minute(359)))).due_at == at_minute(359)
    for minutes in (360, 500, 5):
        message = refusal(state, HandOn(unit="north-squad", due_at=at_minute(minutes)))
        assert message.startswith(
            "invalid_field: The unit's limit ends after now and before the department’s, 2026-03-02 15:00"
        )


def test_unit_accepts_and_finishes_and_its_department_confirms() -> None:
    state = after(handed_on(), Accept(), by="north-squad", minutes=6)
    assert refusal(state, Accept(), by="north-squad").startswith("not_allowed_in_state: This order was accepted at")

    done = step(state, Finish(text="swept"), by="north-squad", minutes=30)

    assert types(done) == ["unit_answered"]
    assert (done.after.status, unit_order(done.after).finished_at) == ("handling", at_minute(30))
    assert told(done) == [("north", "lead", "north-squad", "changed", "unit_finished")]
    confirmed = step(done.after, Confirm(confirmed=True), minutes=50)
    assert types(confirmed) == ["finished"]
    assignment = confirmed.after.assignments[-1]
    assert (assignment.text, assignment.limits[-1].finished_at) == ("swept", at_minute(50)), (
        "the department's clock ran"
    )
    assert confirmed.events[-1].model_dump(include={"unit", "text"}) == {"unit": "north-squad", "text": "swept"}
    assert told(confirmed) == [("north", "unit", "north-squad", "withdrawn", "confirmed")]


def test_work_that_is_not_confirmed_goes_on_under_the_same_limit() -> None:
    state = after(handed_on(), Finish(), by="north-squad", minutes=30)
    assert refusal(state, Confirm(confirmed=False)).startswith("reason_missing")

    result = step(state, Confirm(confirmed=False, reason="half of it lies there"), minutes=40)

    assert types(result) == ["unit_reworked"]
    order, before = unit_order(result.after), unit_order(state)
    assert (order.finished_at, order.due_at, order.reworks) == (None, before.due_at, 1)
    assert told(result) == [("north", "unit", "north-squad", "changed", "rework")]
    first = {each.id for each in running_timers(handed_on())}
    again = [each.id for each in running_timers(result.after) if each.kind == "unit_handle"]
    assert len(again) == 1
    assert first.isdisjoint(again), "a timer that went out unheard goes out again"


def test_where_the_pack_says_so_units_work_goes_to_inspection_straight() -> None:
    result = step(handed_on(STRAIGHT), Finish(text="swept"), by="north-squad", minutes=30, policy=STRAIGHT)

    assert types(result) == ["finished"]
    assert (result.after.status, result.after.assignments[-1].text) == ("inspecting", "swept")
    assert unit_order(result.after).confirmed_at == at_minute(30)
    assert refusal(result.after, Finish(), by="north-squad", policy=STRAIGHT).startswith("not_your_order")


def test_row_that_needs_a_photo_needs_it_of_the_unit() -> None:
    state = opened_case(build_report(row_id="E0110-2"), policy=POLICY)
    by_rule = state.department or ""
    state = after(state, HandOn(unit=by_rule, person=PERSON), by=by_rule)
    answer = Finish(unit=by_rule)

    assert refusal(state, answer, by=by_rule).startswith("proof_missing")
    assert refusal(state, answer.model_copy(update={"proof": (PHOTO,)}), by=by_rule).startswith("unknown_photo")
    context = ActionContext(minutes=9, actor=f"department:{by_rule}", evidence=stored_photos(state, PHOTO))
    done = decide_action(state, answer.model_copy(update={"proof": (PHOTO,)}), context, policy=POLICY)
    assert isinstance(done, Progressed)
    assert after(done.after, Confirm(confirmed=True), by=by_rule).assignments[-1].proof == (PHOTO,)


def test_unit_hands_back_and_its_department_hands_on_to_another() -> None:
    back = step(handed_on(), Return(code="not_our_area", reason="beyond the bridge"), by="north-squad")

    assert types(back) == ["unit_answered"]
    assert (back.after.status, back.after.hops) == ("handling", 0), "the bureau still has it"
    assert told(back) == [
        ("north", "lead", None, "changed", "unit_returned"),
        ("north", "unit", "north-squad", "withdrawn", "returned"),
    ]
    assert open_helpers(back.after) == ()
    again = after(back.after, HandOn(unit="north-street"), minutes=10)
    assert [(each.number, each.unit, each.is_open) for each in again.assignments[-1].handed_on] == [
        (1, "north-squad", False),
        (2, "north-street", True),
    ]
    assert len({each.order_id for each in again.assignments[-1].handed_on}) == 2


def test_order_that_is_handed_on_anew_is_the_first_units_no_more() -> None:
    result = step(handed_on(), HandOn(unit="north-street"), minutes=20)

    assert told(result) == [
        ("north", "unit", "north-squad", "withdrawn", "redispatched"),
        ("north", "unit", "north-street", "issued", None),
    ]
    assert refusal(result.after, Accept(), by="north-squad").startswith("not_your_order")
    assert refusal(result.after, HandOn(unit="north-street")).startswith("not_allowed_in_state: It is handed on to")


def test_units_limit_stands_while_the_case_is_suspended_and_is_a_share_of_what_was_left() -> None:
    state = handed_on()
    before = unit_order(state)
    asked = after(state, AskSuspension(reason="a court decides first", resume_at=at_minute(3_000)), minutes=6)
    asked = case_after(asked, Review(approved=True), minutes=7, actor="operator:olga", policy=POLICY)
    assert asked.status == "suspended"
    assert (unit_order(asked).due_at, unit_order(asked).warn_at) == (None, None)
    assert [each.kind for each in running_timers(asked)] == ["resume"]

    resumed = after(asked, Resume(), minutes=1_500)

    order, limit = unit_order(resumed), resumed.assignments[-1].limits[-1]
    assert order.due_at is not None
    assert limit.due_at is not None
    assert at_minute(1_500) < order.due_at < limit.due_at
    assert order.due_at == POLICY.share_until(
        at_minute(1_500), limit.due_at, POLICY.handling_limit(POLICY.city.rows["E0110-1"])
    )
    earlier = {each.id for each in running_timers(state)}
    assert [each.id in earlier for each in running_timers(resumed) if each.kind == "unit_handle"] == [False]
    assert before.due_at is not None


@pytest.mark.parametrize(
    ("action", "because"), [(SetLimit(due_at=at_minute(60), reason="x"), "limit_set"), (ROW_OF_AN_HOUR, "corrected")]
)
def test_limit_that_becomes_shorter_shortens_the_units(action: Action, because: str) -> None:
    """Never past the lead's deadline; the unit hears of it, by a timer of its own."""
    state = case_after(opened_case(policy=SHORT), SQUAD, policy=SHORT)
    assert unit_order(state).due_at == at_minute(120)

    result = decide_action(state, action, ActionContext(minutes=20, actor="operator:olga"), policy=SHORT)

    assert isinstance(result, Progressed)
    lead_due_at = result.after.assignments[-1].limits[-1].due_at
    assert lead_due_at == at_minute(60)
    assert unit_order(result.after).due_at == at_minute(40), "half of what is left"
    assert ("north", "unit", "north-squad", "changed", because) in told(result, SHORT)
    first = {each.id for each in running_timers(state)}
    assert first.isdisjoint(each.id for each in running_timers(result.after) if each.kind.startswith("unit"))


def test_unit_has_no_limit_beside_the_departments_once_that_is_over() -> None:
    state = case_after(opened_case(policy=SHORT), SQUAD, policy=SHORT)

    late = case_after(state, ROW_OF_AN_HOUR, minutes=90, policy=SHORT)

    assert unit_order(late).due_at is None


def test_unit_hears_that_the_work_is_suspended_and_that_it_goes_on() -> None:
    asked = after(handed_on(), AskSuspension(reason="x", resume_at=at_minute(3000)), minutes=10)
    review = ActionContext(minutes=20, actor="operator:olga")
    suspended = decide_action(asked, Review(approved=True), review, policy=POLICY)
    assert isinstance(suspended, Progressed)
    assert ("north", "unit", "north-squad", "changed", "suspended") in told(suspended)

    resumed = step(suspended.after, Resume(), minutes=30)

    assert ("north", "unit", "north-squad", "changed", "resumed") in told(resumed)


def test_limit_of_a_unit_without_a_zone_is_in_the_citys_time() -> None:
    hand_on = HandOn.model_validate({"unit": "north-squad", "due_at": "2026-03-02T11:00"})

    assert unit_order(after(opened_case(), hand_on)).due_at == at_minute(120)
