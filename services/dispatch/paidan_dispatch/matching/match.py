"""Which reports are about the same thing: the rule, and what matching may see of the cases there are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from paidan_contracts.city.calendar import CalendarEnded
from paidan_contracts.reports import ReportReceived
from paidan_contracts.state import CaseState, Status
from paidan_contracts.wire import Channel
from paidan_dispatch.cases.policy import Bylaws
from paidan_dispatch.matching.squares import (
    POLAR,
    metres_between,
    square_of,
    squares_within,
)

_ENDED: Final[frozenset[Status]] = frozenset({"voided", "not_accepted"})


@dataclass(frozen=True, slots=True)
class Seen:
    """What matching knows of a case that has a class and a position: a row of the search table, one for each case.

    ``square`` is one integer (below 2**63) to be searched by; it tells area, class and the import's own world apart
    already, and what it does not tell apart the rule does.
    """

    case_id: str
    square: int
    area: str
    class_code: str
    matched_within: str | None
    past: bool
    channel: Channel
    latitude: float
    longitude: float
    reported_at: datetime
    closed_at: datetime | None = None
    recurs_until: datetime | None = None
    """None while the case is open; afterwards, until when a report here counts as a recurrence."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The case is no longer to be found by matching."""

    case_id: str


Sighting: TypeAlias = Seen | Forgotten


@dataclass(frozen=True, slots=True)
class Same:
    """The report is about this open case, so many metres away."""

    case_id: str
    metres: float


@dataclass(frozen=True, slots=True)
class New:
    """The report is about no open case; perhaps about one that was closed here shortly before."""

    recurrence_of: str | None = None


Match: TypeAlias = Same | New


class Nearby:
    """The cases that matching may see, by square. Filled from the database once a batch, then kept up."""

    __slots__ = ("_cases", "_squares")

    def __init__(self, seen: Iterable[Seen] = ()) -> None:
        """Take up what the search found."""
        self._cases: dict[str, Seen] = {}
        self._squares: dict[int, dict[str, Seen]] = {}
        for each in seen:
            self.note(each)

    def note(self, sighting: Sighting | None) -> None:
        """Take up what a step changed, so that batch boundaries never change what is opened."""
        if sighting is None:
            return
        known = self._cases.pop(sighting.case_id, None)
        if known is not None:
            del self._squares[known.square][known.case_id]
        if isinstance(sighting, Seen):
            self._cases[sighting.case_id] = sighting
            self._squares.setdefault(sighting.square, {})[sighting.case_id] = sighting

    def within(self, squares: Iterable[int]) -> list[Seen]:
        """List the cases in these squares, in no order."""
        return [each for square in squares if square in self._squares for each in self._squares[square].values()]


def squares_around(report: ReportReceived, bylaws: Bylaws) -> tuple[int, ...]:
    """Name the squares that hold every case the report might match; none when it is never matched.

    Search ``square = ANY(...)``; of closed cases those suffice whose ``recurs_until`` is not before ``recorded_at``.
    """
    place, class_code = report.place, report.class_code
    if class_code is None or place.latitude is None or place.longitude is None or abs(place.latitude) > POLAR:
        return ()
    terms = bylaws.match_terms(class_code)
    if terms.off or report.channel not in bylaws.city.matching.channels or _is_lone(report):
        return ()
    world = (report.area, class_code, _word(report) or "")
    return squares_within(terms.radius_m, place.latitude, place.longitude, world)


def match(report: ReportReceived, candidates: Sequence[Seen], bylaws: Bylaws) -> Match:
    """Settle what a report is about: the oldest open case that it may be, by case id where two are as old.

    Where there is none it may be a recurrence: of the case closed last, by case id where two were closed together.
    """
    if not candidates:
        return New()
    window = timedelta(hours=bylaws.city.matching.window_h)
    same: list[tuple[datetime, str, float]] = []
    closed: list[tuple[datetime, str]] = []
    for each in candidates:
        metres = _metres_if_alike(report, each, bylaws)
        if metres is None:
            continue
        if each.closed_at is None:
            if abs(report.recorded_at - each.reported_at) <= window:
                same.append((each.reported_at, each.case_id, metres))
        elif _recurs(report, each):
            closed.append((each.closed_at, each.case_id))
    if same:
        _, case_id, metres = min(same)
        return Same(case_id, metres)
    return New(max(closed)[1] if closed else None)


def sighting(before: CaseState | None, after: CaseState, bylaws: Bylaws) -> Sighting | None:
    """Say what must change in the search table (upsert or delete) after one step or several; None: nothing."""
    if before is not None and _findable(before) == _findable(after):
        return None
    found = seen(after, bylaws)
    if found is None and (before is None or seen(before, bylaws) is None):
        return None
    return found or Forgotten(after.case_id)


def seen(state: CaseState, bylaws: Bylaws) -> Seen | None:
    """Say what matching knows of a case; None: nothing, for it has no class or no position, or should not have been."""
    place, class_code = state.place, state.class_code
    if class_code is None or place.latitude is None or place.longitude is None or abs(place.latitude) > POLAR:
        return None
    if state.status in _ENDED or (state.past and state.matched_within is None):
        return None
    is_closed = state.status == "closed"
    return Seen(
        case_id=state.case_id,
        square=square_of(place.latitude, place.longitude, (state.area, class_code, state.matched_within or "")),
        area=state.area,
        class_code=class_code,
        matched_within=state.matched_within,
        past=state.past,
        channel=state.channel,
        latitude=place.latitude,
        longitude=place.longitude,
        reported_at=state.reported_at,
        closed_at=state.closed_at if is_closed else None,
        recurs_until=_recurs_until(state.closed_at, class_code, bylaws) if is_closed and state.closed_at else None,
    )


def _findable(state: CaseState) -> tuple[object, ...]:
    # Of what a case is found by only these ever change; its place and its area never do.
    closed_at = state.closed_at if state.status == "closed" else None
    return state.class_code, closed_at, state.status in _ENDED


def _metres_if_alike(report: ReportReceived, other: Seen, bylaws: Bylaws) -> float | None:
    place = report.place
    if place.latitude is None or place.longitude is None or report.class_code != other.class_code:
        return None
    if (report.area, report.past is not None, _word(report)) != (other.area, other.past, other.matched_within):
        return None
    if other.channel not in bylaws.city.matching.channels:
        return None
    metres = metres_between(place.latitude, place.longitude, other.latitude, other.longitude)
    return metres if metres <= bylaws.match_terms(other.class_code).radius_m else None


def _recurs(report: ReportReceived, other: Seen) -> bool:
    if other.closed_at is None or other.recurs_until is None:
        return False
    return other.closed_at <= report.recorded_at <= other.recurs_until


def _recurs_until(closed_at: datetime, class_code: str, bylaws: Bylaws) -> datetime:
    try:
        return bylaws.deadline(closed_at, bylaws.match_terms(class_code).recurrence)
    except CalendarEnded:
        # Closing must not fail for what may never happen: nothing that comes later is called a recurrence of it.
        return closed_at


def _word(report: ReportReceived) -> str | None:
    return report.past.matched_within if report.past else None


def _is_lone(report: ReportReceived) -> bool:
    return report.past is not None and report.past.matched_within is None
