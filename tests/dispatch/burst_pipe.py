"""A burst pipe that one department leads and two help with, and what each of them is told."""

from paidan_contracts.actions import Action
from paidan_contracts.assignments import Helper
from paidan_contracts.department_actions import Finish
from paidan_contracts.orders import OrderEvent
from paidan_contracts.state import CaseState
from paidan_dispatch.cases import orders
from paidan_dispatch.cases.decide import Progressed, Refused
from paidan_dispatch.cases.reports import Opened
from tests.dispatch.builders import build_report, case_after, opened_case
from tests.dispatch.sample_pack import policy_with_helpers

POLICY = policy_with_helpers("C*", "water", ["roads", "night"])
BURST = build_report(class_code="C0101")


def burst() -> CaseState:
    """Return a burst pipe: the water company leads, roads and the night squad help."""
    return opened_case(BURST, policy=POLICY)


def after(state: CaseState, action: Action, *, by: str | None = None, minutes: float = 5) -> CaseState:
    """Return the state after an action, by its usual actor or a department."""
    return case_after(state, action, minutes=minutes, actor=by and f"department:{by}", policy=POLICY)


def helper(state: CaseState, department: str) -> Helper:
    """Return the latest order to help of a department."""
    return next(each for each in state.helpers[::-1] if each.department == department)


def messages(step: Opened | Progressed | Refused) -> list[OrderEvent]:
    """Return the messages to departments that follow from a step."""
    assert not isinstance(step, Refused), step.refusal
    return orders.order_events(step.before if isinstance(step, Progressed) else None, step.events, POLICY)


def summary(events: list[OrderEvent]) -> list[tuple[str, str, str, str | None]]:
    """Return of each message its department, its role, what it says and why."""
    return [
        (each.order.department, each.order.role, body["type"].split(".")[1], body.get("because"))
        for each in events
        for body in [each.model_dump()]
    ]


def finished() -> CaseState:
    """Return a burst pipe that the lead finished."""
    return after(burst(), Finish(), by="water", minutes=10)
