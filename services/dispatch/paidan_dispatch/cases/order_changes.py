"""Why an open order changed, and in which words its department is told."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from paidan_contracts.case_event import CaseEvent
from paidan_contracts.cases import (
    CaseClosed,
    CaseFiled,
    CaseMerged,
    CaseReopened,
    CaseReturned,
    CaseReworked,
    CaseVoided,
)
from paidan_contracts.construction_events import CaseConstructionPlanned
from paidan_contracts.emergency_events import CaseReclocked
from paidan_contracts.escalation_events import CaseEscalationEnded
from paidan_contracts.orders import OrderChangeReason
from paidan_contracts.record_events import CaseCorrected, CaseNoteAdded
from paidan_contracts.reports import JoinedReport
from paidan_contracts.settlement_events import CaseSettled
from paidan_contracts.time_limit_events import (
    CaseExtended,
    CaseLimitSet,
    CaseRequestReviewed,
    CaseResumed,
    CaseStepPlanned,
    CaseSuspended,
)
from paidan_dispatch.cases.bilingual import Bilingual

LIMIT_CHANGES: Final[Mapping[type[CaseEvent], OrderChangeReason]] = MappingProxyType(
    {
        CaseExtended: "extended",
        CaseSuspended: "suspended",
        CaseResumed: "resumed",
        CaseLimitSet: "limit_set",
        CaseReclocked: "emergency",
    }
)
"""By event: those by which the limit of an order changes, of the lead and of those that help."""
CONTENT_CHANGES: Final[Mapping[type[CaseEvent], OrderChangeReason]] = MappingProxyType(
    {
        CaseMerged: "merged",
        CaseFiled: "refiled",
        CaseReworked: "rework",
        CaseReopened: "reopened",
        CaseCorrected: "corrected",
        CaseNoteAdded: "note_added",
    }
)


WITHDRAWN_BECAUSE: Final[Mapping[type[CaseEvent], str]] = MappingProxyType(
    {
        CaseReturned: "returned",
        CaseVoided: "voided",
        CaseClosed: "closed",
        CaseConstructionPlanned: "planned",
        CaseSettled: "settled",
    }
)
"""By event: those by which a department's order ends."""


class OrderChange(NamedTuple):
    """Why an order changed."""

    because: OrderChangeReason
    reason: str = ""
    report: JoinedReport | None = None


def change_of_lead(event: CaseEvent) -> OrderChange | None:
    """Return why the order of the department that leads changed by an event; None where it did not."""
    match event:
        case CaseRequestReviewed(outcome="rejected", reason=reason):
            return OrderChange("rejected", reason)
        case CaseSettled(text=text):
            return OrderChange("settled", text)
        case CaseEscalationEnded(reason=reason):
            return OrderChange("escalation_ended", reason)
        case CaseStepPlanned(due_at=due_at, text=text):
            end = due_at.isoformat(timespec="seconds")
            return OrderChange("planned", Bilingual(f"Until {end}: {text}.", f"须于 {end} 前完成：{text}。").joined())
        case _:
            return change_of_helper(event)


def change_of_helper(event: CaseEvent) -> OrderChange | None:
    """Return why the order of a department that helps changed by an event; None where it did not."""
    because = LIMIT_CHANGES.get(type(event)) or CONTENT_CHANGES.get(type(event))
    if because is None or not _concerns_departments(event):
        return None
    if isinstance(event, CaseNoteAdded):
        return OrderChange(because, event.text)
    if isinstance(event, CaseSuspended):
        end = event.resume_at.isoformat(timespec="seconds")
        return OrderChange(because, Bilingual(f"Suspended until {end}.", f"挂账至 {end}。").joined())
    report = event.report if isinstance(event, CaseMerged) else None
    return OrderChange(because, getattr(event, "reason", ""), report)


def ends_help(event: CaseEvent) -> bool:
    """Return whether the orders of those that help end by an event, with the case or its department's order."""
    is_settled = isinstance(event, CaseSettled) and event.state.status == "closed"
    return is_settled or isinstance(event, CaseVoided | CaseClosed | CaseConstructionPlanned)


def _concerns_departments(event: CaseEvent) -> bool:
    """Return whether a change concerns those that have an order; of a new department they hear by its dispatch."""
    match event:
        case CaseCorrected(corrections=corrections):
            return any(each.field != "department" for each in corrections)
        case CaseNoteAdded(visible_to=visible_to):
            return visible_to == "department"
        case _:
            return True
