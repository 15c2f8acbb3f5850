"""Cases whose order is handed on inside the department, and what is told of them."""

from paidan_contracts.actions import Action
from paidan_contracts.assignments import UnitOrder
from paidan_contracts.orders import OrderEvent
from paidan_contracts.state import CaseState
from paidan_contracts.unit_actions import HandOn
from paidan_dispatch.cases import orders
from paidan_dispatch.cases.decide import Progressed, Refused
from paidan_dispatch.cases.policy import CityPolicy
from tests.dispatch.builders import (
    ActionContext,
    case_after,
    decide_action,
    opened_case,
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
