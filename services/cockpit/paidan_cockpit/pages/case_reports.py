"""All reports of a case, the one that opened it first, as staff see them and as a department does. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from paidan_cockpit.pages.case_summary import CaseSummary
from paidan_contracts.case_event import CaseEvent
from paidan_contracts.cases import CaseMerged
from paidan_contracts.city.geography import Point
from paidan_contracts.orders import Order
from paidan_contracts.reports import JoinedReport
from paidan_contracts.state import CaseState


@dataclass(frozen=True, slots=True)
class ShownReport:
    """A report as a case's page shows it. ``metres``: from the case; None of the one that opened it.

    ``at`` is None of a confidential one, too: no map shows where that was seen.

    A department's order does not name the report that opened the case: its ``report_id`` is None.
    """

    number: int
    report_id: str | None
    source: str
    recorded_at: datetime
    text: str
    address: str | None
    confidential: bool
    photos: tuple[str, ...]
    metres: float | None = None
    at: Point | None = None


def reports_of_case(state: CaseState, events: Sequence[CaseEvent]) -> list[ShownReport]:
    """Return a case's reports in the order of their arrival.

    The state has the newest 20 that joined, cut short; the event that merged a report has it as it was.
    """
    merged = {each.report_id: each for each in state.joined}
    merged |= {each.report_id: each.report for each in events if isinstance(each, CaseMerged) and each.report}
    place = state.place
    opening = ShownReport(
        number=1,
        report_id=state.opened_by,
        source=state.source,
        recorded_at=state.reported_at,
        text=state.text,
        address=place.address,
        confidential=state.confidential,
        photos=state.photos,
        at=None if state.confidential else _point(place.latitude, place.longitude),
    )
    return [opening, *_joined(list(merged.values()))]


def reports_of_order(order: Order, summary: CaseSummary) -> list[ShownReport]:
    """Return the reports of a department's order; which source opened the case, the read model knows."""
    opening = ShownReport(
        number=1,
        report_id=None,
        source=summary.source,
        recorded_at=summary.reported_at,
        text=order.text,
        address=order.place.address,
        confidential=order.confidential,
        photos=order.photos,
        at=None if order.confidential else _point(order.place.latitude, order.place.longitude),
    )
    return [opening, *_joined(order.joined)]


def _joined(reports: Sequence[JoinedReport]) -> Iterator[ShownReport]:
    for number, each in enumerate(sorted(reports, key=lambda each: each.recorded_at), start=2):
        yield ShownReport(
            number=number,
            report_id=each.report_id,
            source=each.source,
            recorded_at=each.recorded_at,
            text=each.text,
            address=each.address,
            confidential=each.confidential,
            photos=each.photos,
            metres=each.metres,
            at=None if each.confidential else _point(each.latitude, each.longitude),
        )


def _point(latitude: float | None, longitude: float | None) -> Point | None:
    return (longitude, latitude) if latitude is not None and longitude is not None else None
