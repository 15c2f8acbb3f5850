"""二级派遣: an order is handed on inside its department, with a limit of its own; the department stays answerable."""

import pytest

from paidan_contracts.actions import Action, Inspect, Redispatch, Urge, Void
from paidan_contracts.assignments import UnitOrder
from paidan_contracts.case_access import has_order
from paidan_contracts.clock_events import CaseClockWarned, CaseOverdue
from paidan_contracts.department_actions import Accept, Finish, Return
from paidan_contracts.orders import OrderEvent
from paidan_contracts.state import CaseState
from paidan_contracts.unit_actions import Confirm, HandOn
from paidan_dispatch.cases import orders
from paidan_dispatch.cases.case_state import open_helpers
from paidan_dispatch.cases.decide import Progressed, Refused, expire_timer
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.timers import running_timers
from tests.dispatch.builders import (
    ActionContext,
    at_minute,
    build_report,
    case_after,
    decide_action,
    opened_case,
    stored_photos,
    timer_due,
    types,
)
from tests.dispatch.units import policy_with_units

POLICY = policy_with_units()
STRAIGHT = policy_with_units(confirmed=False)
ENFORCED = policy_with_units(enforcement=("E0110",))
SQUAD = HandOn(unit="north-squad")
PHOTO = "a" * 64 + ".jpg"
PERSON = "10000000-0000-4000-8000-000000000001"


def after(
    state: CaseState, action: Action, by: str = "north", minutes: float = 5, policy: CityPolicy = POLICY
) -> CaseState:
    return case_after(state, action, minutes=minutes, actor=f"department:{by}", policy=policy)


def step(
    state: CaseState, action: Action, by: str = "north", minutes: float = 5, policy: CityPolicy = POLICY
) -> Progressed:
    result = decide_action(state, action, ActionContext(minutes=minutes, actor=f"department:{by}"), policy=policy)
    assert isinstance(result, Progressed), result
    return result


def refusal(
    state: CaseState, action: Action, by: str = "north", minutes: float = 5, policy: CityPolicy = POLICY
) -> str:
    result = decide_action(state, action, ActionContext(minutes=minutes, actor=f"department:{by}"), policy=policy)
    assert isinstance(result, Refused), result
    return f"{result.refusal.code}: {result.refusal.message}"


def handed_on(policy: CityPolicy = POLICY) -> CaseState:
    """Return a case whose order north accepted and handed on to its squad at once."""
    return after(opened_case(policy=policy), SQUAD, minutes=0, policy=policy)


def unit_order(state: CaseState) -> UnitOrder:
    return state.assignments[-1].handed_on[-1]


def told(result: Progressed, policy: CityPolicy = POLICY) -> list[tuple[str, str, str | None, str, str | None]]:
    """Return of each message its topic's department, its role, its unit, what it says and why."""
    messages: list[OrderEvent] = orders.order_events(result.before, result.events, policy)
    return [
        (each.order.department, each.order.role, each.order.unit, body["type"].split(".")[1], body.get("because"))
        for each in messages
        for body in [each.model_dump()]
    ]


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


def test_contractor_without_rights_is_refused_by_name_and_hands_on_to_officers() -> None:
    contractor = HandOn(unit="north-cleaners")
    assert refusal(opened_case(policy=ENFORCED), contractor, policy=ENFORCED).startswith(
        "no_enforcement_rights: E0110-1 needs enforcement rights, and north-cleaners (north-cleaners) has none."
    )
    state = after(opened_case(), contractor)

    result = step(state, HandOn(unit="north-squad"), by="north-cleaners", minutes=20)

    assert unit_order(result.after).handed_on_by == "north-cleaners"
    assert refusal(state, HandOn(unit="north-street"), by="north-cleaners").startswith("unknown_department")
    assert refusal(result.after, Accept(), by="north-cleaners").startswith("not_your_order"), "it has it no more"


@pytest.mark.parametrize("unit", ["far-squad", "water", "nowhere", "north"])
def test_order_is_handed_on_to_units_of_the_department_alone(unit: str) -> None:
    assert refusal(opened_case(), HandOn(unit=unit)).startswith(
        f"unknown_department: {unit} is no unit to which north hands orders on"
    )


def test_unit_does_its_own_part_and_nothing_else() -> None:
    state = handed_on()

    assert has_order(state, "north-squad")
    assert not has_order(state, "north-street")
    assert open_helpers(state) == ("north-squad",)
    assert refusal(state, Confirm(confirmed=True), by="north-squad").startswith("not_your_order")
    assert refusal(state, HandOn(unit="north-street"), by="north-squad").startswith("unknown_department")
    assert refusal(state, Inspect(passed=True), by="north-squad").startswith("doer_may_not_inspect")
    own = orders.open_order_of(state, "north-squad", POLICY)
    assert own is not None
    assert (own.role, own.unit, orders.status_for(state, own)) == ("unit", "north-squad", "dispatched")
    accepted = after(state, Accept(), by="north-squad")
    assert orders.status_for(accepted, own) == "handling"
    assert orders.open_order_of(state, "north-street", POLICY) is None


def test_bureau_answers_for_a_unit_without_a_system_of_its_own() -> None:
    state = after(handed_on(), Accept(unit="north-squad"), minutes=6)
    assert unit_order(state).accepted_at == at_minute(6)

    done = after(state, Finish(unit="north-squad", text="swept"), minutes=7)

    assert (done.status, unit_order(done).text) == ("handling", "swept")
    assert refusal(state, Finish(unit="north-street")).startswith("not_your_order: The unit north-street has no order")
    assert refusal(opened_case(), Accept(unit="north-squad")).startswith("not_your_order")


def test_person_to_whom_it_is_handed_on_answers_for_the_own_part() -> None:
    state = after(after(opened_case(), Accept()), HandOn(unit="north", person=PERSON))
    context = ActionContext(minutes=9, actor="department:north", person=PERSON)

    done = decide_action(state, Finish(text="mine"), context, policy=POLICY)

    assert types(done) == ["unit_answered"]
    another = ActionContext(minutes=9, actor="department:north", person=PERSON.replace("1", "2"))
    assert types(decide_action(state, Finish(), another, policy=POLICY)) == ["finished"], "the department as a whole"


@pytest.mark.parametrize(
    ("action", "by", "because"),
    [
        (Finish(), "department:north", "redispatched"),
        (Return(code="other", reason="x"), "department:north", "returned"),
        (Redispatch(department="water", reason="x"), "operator:olga", "redispatched"),
        (Void(reason="x"), "operator:olga", "voided"),
    ],
)
def test_what_is_handed_on_ends_with_the_departments_order(action: Action, by: str, because: str) -> None:
    result = decide_action(handed_on(), action, ActionContext(minutes=130, actor=by), policy=POLICY)

    assert isinstance(result, Progressed)
    [order] = result.after.assignments[0].handed_on
    assert (order.is_open, order.withdrawn_at, order.overdue_at) == (False, at_minute(130), at_minute(120))
    assert ("north", "unit", "north-squad", "withdrawn", because) in told(result)


def test_unit_is_urged_with_its_department() -> None:
    result = decide_action(handed_on(), Urge(), ActionContext(minutes=9), policy=POLICY)

    assert isinstance(result, Progressed)
    assert [each[1:4] for each in told(result)] == [
        ("lead", "north-squad", "urged"),
        ("unit", "north-squad", "urged"),
    ]


def test_units_limit_warns_and_passes_by_itself_while_the_departments_runs_on() -> None:
    policy = policy_with_units(clocks=_warning_clocks())
    state = handed_on(policy)
    warning, passed = [each for each in running_timers(state) if each.kind.startswith("unit_handle")]
    assert (warning.due_at, passed.due_at) == (at_minute(96), at_minute(120))

    warned = expire_timer(state, timer_due(warning), policy)

    assert isinstance(warned, Progressed)
    assert isinstance(warned.events[0], CaseClockWarned)
    assert told(warned, policy) == [("north", "unit", "north-squad", "urged", None)]
    late = expire_timer(warned.after, timer_due(passed), policy)
    assert isinstance(late, Progressed)
    [event] = late.events
    assert isinstance(event, CaseOverdue)
    assert (event.department, event.clock, unit_order(late.after).overdue_at) == (
        "north-squad", "unit_handle", at_minute(120),
    )  # fmt: skip
    assert late.after.assignments[-1].overdue_at is None, "the bureau is not late"
    kinds = [each.kind for each in running_timers(late.after)]
    assert "handle" in kinds
    assert "unit_handle" not in kinds


def _warning_clocks() -> dict[str, object]:
    return policy_with_units().city.pack.clocks.model_dump() | {"warn_at": 0.8}


def test_city_that_wants_acceptance_first_wants_it_before_handing_on_too() -> None:
    policy = policy_with_units(
        clocks=policy_with_units().city.pack.clocks.model_dump() | {"finish_without_accept": False}
    )

    assert refusal(opened_case(policy=policy), SQUAD, policy=policy).startswith("not_allowed_in_state: This city wants")
    assert unit_order(after(after(opened_case(policy=policy), Accept(), policy=policy), SQUAD, policy=policy)).is_open


def test_order_whose_limit_has_passed_is_handed_on_without_one() -> None:
    state = after(after(opened_case(), Accept()), SQUAD, minutes=60 * 24)

    assert unit_order(state).due_at is None
