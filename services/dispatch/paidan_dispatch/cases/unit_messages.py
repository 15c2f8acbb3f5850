"""Order events of orders that are handed on inside a department: on the unit's own topic, or on that of its bureau."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from paidan_contracts.assignments import UnitOrder
from paidan_contracts.case_event import CaseEvent
from paidan_contracts.cases import CaseClosed, CaseFiled, CaseMerged, CaseReturned, CaseUrged, CaseVoided
from paidan_contracts.city import City
from paidan_contracts.clock_events import CaseClockWarned
from paidan_contracts.emergency_events import CaseReclocked
from paidan_contracts.orders import (
    Order,
    OrderChanged,
    OrderChangeReason,
    OrderEvent,
    OrderIssued,
    OrderUrged,
    OrderWithdrawn,
)
from paidan_contracts.state import CaseState
from paidan_contracts.unit_events import CaseUnitAnswered, CaseUnitReworked
from paidan_contracts.unvalidated import replace_unvalidated, unvalidated_constructor
from paidan_dispatch.cases.bilingual import Bilingual
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
    before = {each.order_id: each.is_open for each in _orders_of(previous)}
    if isinstance(event, CaseUnitAnswered) and event.answer != "accepted":
        because = "unit_finished" if event.answer == "finished" else "unit_returned"
        yield _new_order_changed(order=lead_order, recorded_at=at, because=because, reason=event.text)
    for each in _orders_of(event.state):
        was_open, order = before.get(each.order_id), order_of_unit(each, lead_order, policy.city)
        if was_open is None:
            yield _new_order_issued(order=order, recorded_at=at)
        elif was_open and not each.is_open:
            reason = event.text if isinstance(event, CaseUnitAnswered) else getattr(event, "reason", "")
            because = _why_ended(each, event)
            yield _new_order_withdrawn(order=order, recorded_at=at, because=because, reason=reason)
        elif was_open and (changed := _changed(event, order, policy)):
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


def _changed(event: CaseEvent, order: Order, policy: CityPolicy) -> OrderEvent | None:
    at = event.recorded_at
    match event:
        case CaseMerged(report=report):
            return _new_order_changed(order=order, recorded_at=at, because="merged", report=report)
        case CaseFiled(reason=reason) | CaseReclocked(reason=reason) | CaseUnitReworked(reason=reason):
            return _new_order_changed(order=order, recorded_at=at, because=_WHY_CHANGED[type(event)], reason=reason)
        case CaseUrged(reason=reason):
            return _new_order_urged(order=order, recorded_at=at, reason=reason)
        case CaseClockWarned(clock=clock, due_at=due_at) if clock == UNIT_HANDLE:
            ends = policy.local_time(due_at)
            text = Bilingual(f"The time limit ends at {ends}.", f"时限将于 {ends} 届满。")
            return _new_order_urged(order=order, recorded_at=at, reason=text.joined())
        case _:
            return None


_WHY_CHANGED: Final[Mapping[type[CaseEvent], OrderChangeReason]] = MappingProxyType(
    {CaseFiled: "refiled", CaseReclocked: "emergency", CaseUnitReworked: "rework"}
)


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
        case _:
            return "redispatched"


def _orders_of(state: CaseState | None) -> Iterator[UnitOrder]:
    for assignment in state.assignments if state is not None else ():
        yield from assignment.handed_on
