"""Which steps of a case change the orders in it, and what departments are told of each."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from paidan_contracts.case_event import CaseEvent
from paidan_contracts.cases import CaseFiled, CaseMerged, CaseReopened, CaseReworked
from paidan_contracts.escalation_events import CaseEscalationEnded
from paidan_contracts.orders import Order, OrderChanged
from paidan_contracts.record_events import CaseCorrected, CaseNoteAdded
from paidan_contracts.unvalidated import unvalidated_constructor

ChangesOrder: TypeAlias = (
    CaseMerged | CaseFiled | CaseReworked | CaseReopened | CaseEscalationEnded | CaseCorrected | CaseNoteAdded
)
_BECAUSE: Final[Mapping[type[CaseEvent], Any]] = MappingProxyType(
    {
        CaseMerged: "merged",
        CaseFiled: "refiled",
        CaseReworked: "rework",
        CaseReopened: "reopened",
        CaseEscalationEnded: "escalation_ended",
        CaseCorrected: "corrected",
        CaseNoteAdded: "note_added",
    }
)
_new_order_changed: Final = unvalidated_constructor(OrderChanged)


def concerns_departments(event: CaseEvent) -> bool:
    """Return whether a change concerns those that have an order; of a new department they hear by its dispatch."""
    match event:
        case CaseCorrected(corrections=corrections):
            return any(each.field != "department" for each in corrections)
        case CaseNoteAdded(visible_to=visible_to):
            return visible_to == "department"
        case _:
            return True


def order_changed(event: ChangesOrder, order: Order) -> OrderChanged:
    """Return what a department is told of a step that changes its order."""
    because, at = _BECAUSE[type(event)], event.recorded_at
    match event:
        case CaseMerged(report=report):
            return _new_order_changed(order=order, recorded_at=at, because=because, report=report)
        case CaseNoteAdded(text=text):
            return _new_order_changed(order=order, recorded_at=at, because=because, reason=text)
        case _:
            return _new_order_changed(order=order, recorded_at=at, because=because, reason=event.reason)
