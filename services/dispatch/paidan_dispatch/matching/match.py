"""Which reports are about the same thing: the rule, and what matching may see of the cases there are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from paidan_contracts.city.calendar import CalendarExhausted
from paidan_contracts.reports import ReportReceived
from paidan_contracts.state import CaseState, Status
from paidan_contracts.wire import Channel
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.matching.squares import (
    MAX_LATITUDE,
    distance_between_m,
    square_of,
    squares_within,
)

_UNMATCHABLE_STATUSES: Final[frozenset[Status]] = frozenset({"voided", "not_accepted"})


@dataclass(frozen=True, slots=True)
class Candidate:
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
class Removed:
    """The case is no longer to be found by matching."""

    case_id: str


IndexChange: TypeAlias = Candidate | Removed


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The report is about this open case, so many metres away."""

    case_id: str
    distance_m: float


@dataclass(frozen=True, slots=True)
class NoMatch:
    """The report is about no open case; perhaps about one that was closed here shortly before."""

    recurrence_of: str | None = None


MatchResult: TypeAlias = Duplicate | NoMatch


class CandidateIndex:
    """The cases that matching may see, by square. Filled from the database once a batch, then kept up."""

    __slots__ = ("_by_case", "_by_square")

    def __init__(self, candidates: Iterable[Candidate] = ()) -> None:
        """Take up what the search found."""
        self._by_case: dict[str, Candidate] = {}
        self._by_square: dict[int, dict[str, Candidate]] = {}
        for each in candidates:
            self.apply(each)

    def apply(self, change: IndexChange | None) -> None:
        """Take up what a step changed, so that batch boundaries never change what is opened."""
        if change is None:
            return
        known = self._by_case.pop(change.case_id, None)
        if known is not None:
            del self._by_square[known.square][known.case_id]
        if isinstance(change, Candidate):
            self._by_case[change.case_id] = change
            self._by_square.setdefault(change.square, {})[change.case_id] = change

    def in_squares(self, squares: Iterable[int]) -> list[Candidate]:
        """List the cases in these squares, in no order."""
        return [each for square in squares if square in self._by_square for each in self._by_square[square].values()]


def squares_around(report: ReportReceived, policy: CityPolicy) -> tuple[int, ...]:
    """Name the squares that hold every case the report might match; none when it is never matched.

    Search ``square = ANY(...)``; of closed cases those suffice whose ``recurs_until`` is not before ``recorded_at``.
    """
    place, class_code = report.place, report.class_code
    if class_code is None or place.latitude is None or place.longitude is None or abs(place.latitude) > MAX_LATITUDE:
        return ()
    terms = policy.match_terms(class_code)
    if terms.off or report.channel not in policy.city.matching.channels or _is_never_matched(report):
        return ()
    namespace = (report.area, class_code, _matched_within(report) or "")
    return squares_within(terms.radius_m, place.latitude, place.longitude, namespace)


def match(report: ReportReceived, candidates: Sequence[Candidate], policy: CityPolicy) -> MatchResult:
    """Settle what a report is about: the oldest open case that it may be, by case id where two are as old.

    Where there is none it may be a recurrence: of the case closed last, by case id where two were closed together.
    """
    if not candidates:
        return NoMatch()
    window = timedelta(hours=policy.city.matching.window_h)
    duplicates: list[tuple[datetime, str, float]] = []
    recurrences: list[tuple[datetime, str]] = []
    for candidate in candidates:
        distance_m = _distance_if_match(report, candidate, policy)
        if distance_m is None:
            continue
        if candidate.closed_at is None:
            if abs(report.recorded_at - candidate.reported_at) <= window:
                duplicates.append((candidate.reported_at, candidate.case_id, distance_m))
        elif _is_recurrence(report, candidate):
            recurrences.append((candidate.closed_at, candidate.case_id))
    if duplicates:
        _, case_id, distance_m = min(duplicates)
        return Duplicate(case_id, distance_m)
    return NoMatch(max(recurrences)[1] if recurrences else None)


def compute_index_change(previous: CaseState | None, current: CaseState, policy: CityPolicy) -> IndexChange | None:
    """Say what must change in the search table (upsert or delete) after one step or several; None: nothing."""
    if previous is not None and _index_key(previous) == _index_key(current):
        return None
    candidate = candidate_of(current, policy)
    if candidate is None and (previous is None or candidate_of(previous, policy) is None):
        return None
    return candidate or Removed(current.case_id)


def candidate_of(state: CaseState, policy: CityPolicy) -> Candidate | None:
    """Say what matching knows of a case; None: nothing, for it has no class or no position, or should not have been."""
    place, class_code = state.place, state.class_code
    if class_code is None or place.latitude is None or place.longitude is None or abs(place.latitude) > MAX_LATITUDE:
        return None
    if state.status in _UNMATCHABLE_STATUSES or (state.past and state.matched_within is None):
        return None
    is_closed = state.status == "closed"
    return Candidate(
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
        recurs_until=_recurs_until(state.closed_at, class_code, policy) if is_closed and state.closed_at else None,
    )


def _index_key(state: CaseState) -> tuple[object, ...]:
    # Of what a case is found by only these ever change; its place and its area never do.
    closed_at = state.closed_at if state.status == "closed" else None
    return state.class_code, closed_at, state.status in _UNMATCHABLE_STATUSES


def _distance_if_match(report: ReportReceived, candidate: Candidate, policy: CityPolicy) -> float | None:
    place = report.place
    if place.latitude is None or place.longitude is None or report.class_code != candidate.class_code:
        return None
    if (report.area, report.past is not None, _matched_within(report)) != (
        candidate.area,
        candidate.past,
        candidate.matched_within,
    ):
        return None
    if candidate.channel not in policy.city.matching.channels:
        return None
    distance_m = distance_between_m(place.latitude, place.longitude, candidate.latitude, candidate.longitude)
    return distance_m if distance_m <= policy.match_terms(candidate.class_code).radius_m else None


def _is_recurrence(report: ReportReceived, candidate: Candidate) -> bool:
    if candidate.closed_at is None or candidate.recurs_until is None:
        return False
    return candidate.closed_at <= report.recorded_at <= candidate.recurs_until


def _recurs_until(closed_at: datetime, class_code: str, policy: CityPolicy) -> datetime:
    try:
        return policy.deadline(closed_at, policy.match_terms(class_code).recurrence)
    except CalendarExhausted:
        # Closing must not fail for what may never happen: nothing that comes later is called a recurrence of it.
        return closed_at


def _matched_within(report: ReportReceived) -> str | None:
    return report.past.matched_within if report.past else None


def _is_never_matched(report: ReportReceived) -> bool:
    return report.past is not None and report.past.matched_within is None
