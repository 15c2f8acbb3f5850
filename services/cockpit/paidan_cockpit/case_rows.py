"""What the read model stores of a case: one row, computed from the case's newest state alone."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple
from zlib import crc32

from paidan_cockpit.case_events import CockpitCaseEvent, StatePart
from paidan_cockpit.case_marks import marks_of, pending_request
from paidan_cockpit.facets import RARE_ENDS

NEVER: Final = datetime(9999, 1, 1, tzinfo=UTC)
"""Due time of a case for which no clock runs: it comes last in every order by due time."""
_MAX_TEXT: Final = 1000
_MAX_MORE_TEXT: Final = 4000
_DIGITS_OF_NUMBER: Final = 10


class ReadModelRow(NamedTuple):
    """A row of the table ``case_row``, column by column."""

    case_id: str
    version: int
    number: str
    city: str
    status: str
    source: str
    class_code: str | None
    row_id: str | None
    district: str | None
    street: str | None
    community: str | None
    grid: str | None
    address: str | None
    latitude: float | None
    longitude: float | None
    text: str
    more_text: str
    text_digest: int
    confidential: bool
    department: str | None
    helpers: list[str]
    reports: int
    round: int
    hops: int
    urged: int
    awaits_call: bool
    past: bool
    reported_at: datetime
    ended_at: datetime | None
    due_kind: str | None
    due_at: datetime
    asks: bool
    """Whether a request waits for a decision; it may after the case was closed, too."""
    marks: list[str]


class CountedReport(NamedTuple):
    """A row of the table ``report_row``, column by column."""

    report_id: str
    city: str
    source: str
    recorded_at: datetime


class DueTime(NamedTuple):
    """The end of a clock that runs."""

    at: datetime
    kind: str


def case_row(event: CockpitCaseEvent) -> ReadModelRow:
    """Return the row of a case at one of its versions."""
    state, place = event.state, event.state.place
    due = min(running_clocks(state), default=None)
    helpers = sorted(_active_helpers(state) | _units_at_work(state))
    text = state.text[:_MAX_TEXT]
    more_text = "\n".join(_more_texts(state))[:_MAX_MORE_TEXT] if state.joined else ""
    return ReadModelRow(
        case_id=event.case_id,
        version=event.version,
        number=(state.numbers and state.numbers.ours) or number_of(event.case_id),
        city=state.city,
        status=state.status,
        source=state.source,
        class_code=state.class_code,
        row_id=state.row_id,
        district=place.district,
        street=place.street,
        community=place.community,
        grid=place.grid,
        address=place.address,
        latitude=place.latitude,
        longitude=place.longitude,
        text=text,
        more_text=more_text,
        text_digest=_digest_of(state, text, more_text, helpers),
        confidential=state.confidential,
        department=state.department,
        helpers=helpers,
        reports=state.reports,
        round=state.round,
        hops=state.hops,
        urged=state.urged,
        awaits_call=state.status == "closed" and bool(state.callbacks_awaited),
        past=state.past,
        reported_at=state.reported_at,
        ended_at=_end_of(state),
        due_kind=due.kind if due else None,
        due_at=due.at if due else NEVER,
        asks=pending_request(state) is not None,
        marks=marks_of(state),
    )


def _digest_of(state: StatePart, text: str, more_text: str, helpers: Sequence[str]) -> int:
    """Return a checksum of all that words and facets are made of: while it stays, they need not be written again."""
    place, rare_end = state.place, state.status if state.status in RARE_ENDS else None
    places = (place.district, place.street, place.community)
    found_by = (text, more_text, place.address, rare_end, state.source, state.class_code, *places, state.department)
    return crc32("\0".join([each or "" for each in (*found_by, *helpers)]).encode())


def report_rows(event: CockpitCaseEvent) -> Iterator[CountedReport]:
    """Yield the report that opened the case, which every step names, and the one that joins it by this step."""
    state, joined = event.state, event.report
    yield CountedReport(state.opened_by, state.city, state.source, state.reported_at)
    if joined is not None:
        yield CountedReport(joined.report_id, state.city, joined.source, joined.recorded_at)


def number_of(case_id: str) -> str:
    """Return the number of a case to which its city gives none: the first digits of what follows its area."""
    return case_id.rpartition("-")[2][:_DIGITS_OF_NUMBER]


def running_clocks(state: StatePart) -> Iterator[DueTime]:
    """Yield the due time of each clock that runs: of handling, of accepting, of the stages."""
    if state.past:
        return
    if state.assignments and state.status in ("dispatched", "handling"):
        current = state.assignments[-1]
        if state.status == "dispatched" and current.accept_by and not current.accepted_at:
            yield DueTime(current.accept_by, "accept")
        # Rework goes on under the same limit, whatever was finished before.
        if current.limits and (due_at := current.limits[-1].due_at):
            yield DueTime(due_at, "handle")
    for clock in state.clocks:
        if not clock.ended_at:
            yield DueTime(clock.due_at, clock.kind)


def _more_texts(state: StatePart) -> Iterator[str]:
    if state.numbers is not None:
        yield from filter(None, (state.numbers.ours, state.numbers.source_ref))
    for report in state.joined:
        yield from filter(None, (report.text, report.address))


def _active_helpers(state: StatePart) -> set[str]:
    return {each.department for each in state.helpers if not (each.returned_at or each.withdrawn_at)}


def _units_at_work(state: StatePart) -> set[str]:
    """Return the unit to which the department has handed the order on: it sees the case, as helpers do."""
    handed_on = state.assignments[-1].handed_on[-1:] if state.assignments else ()
    return {
        each.unit
        for each in handed_on
        if each.unit != state.department and not (each.confirmed_at or each.returned_at or each.withdrawn_at)
    }


def _end_of(state: StatePart) -> datetime | None:
    match state.status:
        case "closed":
            return state.closed_at
        case "voided" | "not_accepted":
            return state.ended_at
        case _:
            return None
