"""Order events of orders that are handed on inside a department: on the unit's own topic, or on that of its bureau."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from paidan_contracts.assignments import UnitOrder
from paidan_contracts.case_event import CaseEvent
from paidan_contracts.cases import CaseClosed, CaseReturned, CaseUrged, CaseVoided
from paidan_contracts.city import City
from paidan_contracts.clock_events import CaseClockWarned
from paidan_contracts.construction_events import CaseConstructionPlanned
from paidan_contracts.orders import Order, OrderChanged, OrderEvent, OrderIssued, OrderUrged, OrderWithdrawn
from paidan_contracts.settlement_events import CaseSettled
from paidan_contracts.state import CaseState
from paidan_contracts.unit_events import CaseUnitAnswered, CaseUnitReworked
from paidan_contracts.unvalidated import replace_unvalidated, unvalidated_constructor
from paidan_dispatch.cases.bilingual import Bilingual
from paidan_dispatch.cases.order_changes import LIMIT_CHANGES, change_of_helper
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.timers import UNIT_HANDLE

_new_order_issued: Final = unvalidated_constructor(OrderIssued)
_new_order_changed: Final = unvalidated_constructor(OrderChanged)
_new_order_withdrawn: Final = unvalidated_constructor(OrderWithdrawn)
_new_order_urged: Final = unvalidated_constructor(OrderUrged)


def events_of_units(
    previous: CaseState | None, event: CaseEvent, lead_order: Order, policy: CityPolicy
) -> Iterator[OrderEvent]:
    """Yield what units hear of a step, and what the department hears of its unit's answer."""
    at = event.recorded_at
    before = {each.order_id: each for each in _orders_of(previous)}
    if isinstance(event, CaseUnitAnswered) and event.answer != "accepted":
        because = "unit_finished" if event.answer == "finished" else "unit_returned"
        yield _new_order_changed(order=lead_order, recorded_at=at, because=because, reason=event.text)
    for each in _orders_of(event.state):
        known, order = before.get(each.order_id), order_of_unit(each, lead_order, policy.city)
        if known is None:
            yield _new_order_issued(order=order, recorded_at=at)
        elif known.is_open and not each.is_open:
            reason = event.text if isinstance(event, CaseUnitAnswered) else getattr(event, "reason", "")
            because = _why_ended(each, event)
            yield _new_order_withdrawn(order=order, recorded_at=at, because=because, reason=reason)
        elif known.is_open and (changed := _changed(event, order, policy, had=known.due_at)):
            yield changed


def order_of_unit(unit_order: UnitOrder, lead_order: Order, city: City) -> Order:
    """Return a unit's order: the department's, with an id, a topic and a limit of its own."""
    return replace_unvalidated(
        lead_order,
        order_id=unit_order.order_id,
        department=city.units.bureau_of(unit_order.unit),
        role="unit",
        lead=lead_order.department,
        unit=unit_order.unit,
        person=unit_order.person,
        helpers=(),
        dispatched_at=unit_order.handed_on_at,
        accept_by=None,
        due_at=unit_order.due_at,
    )


def _changed(event: CaseEvent, order: Order, policy: CityPolicy, *, had: datetime | None) -> OrderEvent | None:
    """Return what a unit hears of a step; of its department's limit only where its own, which it had, changed, too."""
    at = event.recorded_at
    match event:
        case CaseUnitReworked(reason=reason):
            return _new_order_changed(order=order, recorded_at=at, because="rework", reason=reason)
        case CaseUrged(reason=reason):
            return _new_order_urged(order=order, recorded_at=at, reason=reason)
        case CaseClockWarned(clock=clock, due_at=due_at) if clock == UNIT_HANDLE:
            ends = policy.local_time(due_at)
            text = Bilingual(f"The time limit ends at {ends}.", f"时限将于 {ends} 届满。")
            return _new_order_urged(order=order, recorded_at=at, reason=text.joined())
    change = change_of_helper(event)
    if change is None or (type(event) in LIMIT_CHANGES and order.due_at == had):
        return None
    because, reason, report = change
    return _new_order_changed(order=order, recorded_at=at, because=because, reason=reason, report=report)


def _why_ended(unit_order: UnitOrder, event: CaseEvent) -> str:
    if unit_order.confirmed_at is not None:
        return "confirmed"
    match event:
        case CaseReturned() | CaseUnitAnswered():
            return "returned"
        case CaseVoided():
            return "voided"
        case CaseClosed():
            return "closed"
        case CaseConstructionPlanned() | CaseSettled():
            return "planned" if isinstance(event, CaseConstructionPlanned) else "settled"
        case _:
            return "redispatched"


def _orders_of(state: CaseState | None) -> Iterator[UnitOrder]:
    for assignment in state.assignments if state is not None else ():
        yield from assignment.handed_on
