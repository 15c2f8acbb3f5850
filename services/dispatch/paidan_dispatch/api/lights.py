"""Cases and orders as they are shown, with the traffic lights of their limits at the time of the answer."""

from datetime import datetime
from typing import Final

from paidan_contracts import traffic_light
from paidan_contracts.orders import Order
from paidan_contracts.state import CaseState
from paidan_contracts.unvalidated import unvalidated_constructor
from paidan_dispatch.api.models import ListedCase, OrderItem
from paidan_dispatch.api.rounds import PastRound
from paidan_dispatch.cases import orders

_new_listed: Final = unvalidated_constructor(ListedCase)


def with_lights(state: CaseState, now: datetime, priority: int | None = None) -> ListedCase:
    """Return a case as it is listed."""
    lights, light = traffic_light.limit_lights(state, now), traffic_light.case_light(state, now)
    return _new_listed(**state.__dict__, light=light, lights=lights, priority=priority)


def order_item(state: CaseState, order: Order, now: datetime, rounds: tuple[PastRound, ...] = ()) -> OrderItem:
    """Return an order as its department is shown it."""
    lights = traffic_light.order_lights(state, order.department, now)
    status, light = orders.status_for(state, order), traffic_light.worst_light(lights)
    return OrderItem(order=order, status=status, light=light, lights=lights, rounds=rounds)
