"""Finds the case that a report is about: the rule, the index of candidates, and the squares it is searched by."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Final

from paidan_contracts.city.calendar import CalendarExhausted
from paidan_contracts.reports import ReportReceived
from paidan_contracts.state import CaseState, Status
from paidan_dispatch.matching.candidates import (
    Candidate,
    Duplicate,
    IndexChange,
    MatchResult,
    MatchRules,
    NoMatch,
    Removed,
)
from paidan_dispatch.matching.shared_points import SharedPoints
from paidan_dispatch.matching.squares import MAX_LATITUDE, distance_between_m, square_of, squares_within

_UNMATCHABLE_STATUSES: Final[frozenset[Status]] = frozenset({"voided", "not_accepted"})


class CandidateIndex:
    """The cases that matching may find, by square: loaded once a batch, then updated decision by decision."""

    __slots__ = ("_by_case", "_by_square")

    def __init__(self, candidates: Iterable[Candidate] = ()) -> None:
        self._by_case: dict[str, Candidate] = {}
        self._by_square: dict[int, dict[str, Candidate]] = {}
        for each in candidates:
            self.apply(each)

    def apply(self, change: IndexChange | None) -> None:
        """Add, replace or remove a case, so that batch boundaries never change what is opened."""
        if change is None:
            return
        known = self._by_case.pop(change.case_id, None)
        if known is not None:
            del self._by_square[known.square][known.case_id]
        if isinstance(change, Candidate):
            self._by_case[change.case_id] = change
            self._by_square.setdefault(change.square, {})[change.case_id] = change

    def in_squares(self, squares: Iterable[int]) -> list[Candidate]:
        """Return the cases in these squares, in no particular order."""
        return [each for square in squares if square in self._by_square for each in self._by_square[square].values()]


def squares_around(report: ReportReceived, rules: MatchRules) -> tuple[int, ...]:
    """Return the squares that hold every case the report might match; none when it is never matched.

    Search ``square = ANY(...)``; of closed cases those suffice whose ``recurs_until`` is not before ``recorded_at``.
    """
    place, class_code = report.place, report.class_code
    if class_code is None or place.latitude is None or place.longitude is None or abs(place.latitude) > MAX_LATITUDE:
        return ()
    terms = rules.terms_of(class_code)
    is_never_matched = report.complained_of is not None or (
        report.past is not None and report.past.matched_within is None
    )
    if terms.off or report.channel not in rules.channels or is_never_matched:
        return ()
    namespace = (report.area, class_code, _matched_within(report) or "")
    return squares_within(terms.radius_m, place.latitude, place.longitude, namespace)


def match(
    report: ReportReceived,
    candidates: Sequence[Candidate],
    rules: MatchRules,
    state_of: Callable[[str], CaseState],
) -> MatchResult:
    """Return what a report is about: the oldest open case within reach, by case id where two are equally old.

    Where there is none it may recur after the case closed last, by case id where two were closed at once. A point that
    many addresses share matches nothing; ``state_of`` returns the whole state of an open candidate.
    """
    if not candidates:
        return NoMatch()
    reachable: list[str] = []
    duplicates: list[tuple[datetime, str, float, Candidate]] = []
    recurrences: list[tuple[datetime, str]] = []
    for candidate in candidates:
        distance_m = _distance_if_match(report, candidate, rules)
        if distance_m is None:
            continue
        if candidate.closed_at is None:
            reachable.append(candidate.case_id)
            if abs(report.recorded_at - candidate.reported_at) <= rules.window:
                duplicates.append((candidate.reported_at, candidate.case_id, distance_m, candidate))
        elif _is_recurrence(report, candidate):
            recurrences.append((candidate.closed_at, candidate.case_id))
    if duplicates:
        points = SharedPoints(report, reachable, rules.addresses_per_point, state_of)
        return _oldest_at_a_point_of_its_own(duplicates, points)
    return NoMatch(max(recurrences)[1] if recurrences else None)


def open_within_reach(report: ReportReceived, candidates: Iterable[Candidate], rules: MatchRules) -> list[str]:
    """Return the open cases for whose states ``match`` may ask."""
    still_open = (each for each in candidates if each.closed_at is None)
    return [each.case_id for each in still_open if _distance_if_match(report, each, rules) is not None]


def _oldest_at_a_point_of_its_own(
    duplicates: Iterable[tuple[datetime, str, float, Candidate]], points: SharedPoints
) -> MatchResult:
    place = points.report.place
    if points.is_shared((place.latitude, place.longitude)):
        return NoMatch()
    for _, case_id, distance_m, candidate in sorted(duplicates, key=itemgetter(0, 1)):
        if not points.is_shared((candidate.latitude, candidate.longitude)):
            return Duplicate(case_id, distance_m)
    return NoMatch()


def compute_index_change(previous: CaseState | None, current: CaseState, rules: MatchRules) -> IndexChange | None:
    """Return what changes in the search index after one step or several; None for no change."""
    if previous is not None and _index_key(previous) == _index_key(current):
        return None
    candidate = candidate_of(current, rules)
    if candidate is None and (previous is None or candidate_of(previous, rules) is None):
        return None
    return candidate or Removed(current.case_id)


def candidate_of(state: CaseState, rules: MatchRules) -> Candidate | None:
    """Return a case's entry in the search index; None if it is unclassified, unplaced, voided or not accepted."""
    place, class_code = state.place, state.class_code
    if class_code is None or place.latitude is None or place.longitude is None or abs(place.latitude) > MAX_LATITUDE:
        return None
    if state.status in _UNMATCHABLE_STATUSES or (state.past and state.matched_within is None):
        return None
    if state.complained_of is not None:
        # A complaint about handling is no report of the problem that was handled.
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
        recurs_until=_recurs_until(state.closed_at, class_code, rules) if is_closed and state.closed_at else None,
    )


def _index_key(state: CaseState) -> tuple[object, ...]:
    # Only these parts of the entry ever change; the area never does.
    closed_at, place = state.closed_at if state.status == "closed" else None, state.place
    position = place.latitude, place.longitude
    is_unmatchable = state.status in _UNMATCHABLE_STATUSES or state.complained_of is not None
    return state.class_code, position, state.reported_at, closed_at, is_unmatchable


def _distance_if_match(report: ReportReceived, candidate: Candidate, rules: MatchRules) -> float | None:
    place = report.place
    if place.latitude is None or place.longitude is None or report.class_code != candidate.class_code:
        return None
    if (report.area, report.past is not None, _matched_within(report)) != (
        candidate.area,
        candidate.past,
        candidate.matched_within,
    ):
        return None
    if candidate.channel not in rules.channels:
        return None
    distance_m = distance_between_m(place.latitude, place.longitude, candidate.latitude, candidate.longitude)
    return distance_m if distance_m <= rules.terms_of(candidate.class_code).radius_m else None


def _is_recurrence(report: ReportReceived, candidate: Candidate) -> bool:
    closed_at, recurs_until = candidate.closed_at, candidate.recurs_until
    return closed_at is not None and recurs_until is not None and closed_at <= report.recorded_at <= recurs_until


def _recurs_until(closed_at: datetime, class_code: str, rules: MatchRules) -> datetime:
    try:
        return rules.deadline(closed_at, rules.terms_of(class_code).recurrence)
    except CalendarExhausted:
        # Closing must not fail for this: no later report counts as a recurrence then.
        return closed_at


def _matched_within(report: ReportReceived) -> str | None:
    return report.past.matched_within if report.past else None


# Called twice for each report: to search the database for a whole batch, and to decide.
