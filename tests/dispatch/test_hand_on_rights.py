"""二级派遣: to whom an order may be handed on, who answers for it, and how it ends."""

import pytest

from paidan_contracts.actions import Action, Inspect, Redispatch, Urge, Void
from paidan_contracts.case_access import has_order
from paidan_contracts.clock_events import CaseClockWarned, CaseOverdue
from paidan_contracts.department_actions import Accept, Finish, Return
from paidan_contracts.unit_actions import Confirm, HandOn
from paidan_dispatch.cases import orders
from paidan_dispatch.cases.case_state import open_helpers
from paidan_dispatch.cases.decide import Progressed, expire_timer
from paidan_dispatch.cases.timers import running_timers
from tests.dispatch.builders import (
    ActionContext,
    at_minute,
    decide_action,
    opened_case,
    timer_due,
    types,
)
from tests.dispatch.hand_on_cases import (
    ENFORCED,
    PERSON,
    POLICY,
    SQUAD,
    after,
    handed_on,
    refusal,
    step,
    told,
    unit_order,
)
from tests.dispatch.units import policy_with_units


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
