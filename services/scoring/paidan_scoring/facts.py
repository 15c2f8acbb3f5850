"""The facts of a case under each of its assignments, read from its public state: one row each, for counting."""

from collections.abc import Iterator
from datetime import date
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from paidan_contracts.actions import Rating
from paidan_contracts.city.conditions import Fact
from paidan_scoring.case_events import ScoringAssignment, ScoringCaseEvent, ScoringState
from paidan_scoring.fact_bits import FACT_BIT

UNKNOWN: Final = "unknown"
"""The key of what has no department, district, street or class. It is shown like any other."""
_END_FACTS: Final[dict[str, Fact]] = {"voided": "voided", "not_accepted": "not_accepted", "closed": "closed"}
_RATING_FACTS: Final[dict[Rating, tuple[Fact, Fact]]] = {
    "satisfied": ("rated", "satisfied"),
    "basically_satisfied": ("rated", "basically_satisfied"),
    "dissatisfied": ("rated", "dissatisfied"),
}
_RAW_RATING_FACTS: Final[dict[Rating, tuple[Fact, Fact]]] = {
    "satisfied": ("rated_raw", "satisfied_raw"),
    "basically_satisfied": ("rated_raw", "basically_satisfied_raw"),
    "dissatisfied": ("rated_raw", "dissatisfied_raw"),
}
_HANDLED_STATUSES: Final = frozenset({"inspecting", "closed"})


# A tuple, because thousands a second are created and transposed into columns.
class FactRow(NamedTuple):
    """A case under one of its assignments, as it is counted; the fields are in the order of the statement's columns."""

    case_id: str
    assignment: int
    version: int
    partition: int
    city: str
    day: date
    department: str
    district: str
    street: str
    class_code: str
    source: str
    facts: int


def fact_rows(event: ScoringCaseEvent, *, zone: ZoneInfo, partition: int) -> Iterator[FactRow]:
    """Yield one row for each assignment; ``partition`` is the one that the case's events are in.

    A case that was never assigned has a row in the place of its first assignment, which takes it over: nothing has to
    be deleted, and a late old version cannot bring the unassigned row back.
    """
    state = event.state
    day = state.reported_at.astimezone(zone).date()
    assignments: tuple[ScoringAssignment | None, ...] = state.assignments or (None,)
    for number, assignment in enumerate(assignments, start=1):
        yield FactRow(
            case_id=event.case_id,
            assignment=number,
            version=event.version,
            partition=partition,
            city=state.city,
            day=day,
            department=(assignment.department if assignment else state.department) or UNKNOWN,
            district=state.place.district or UNKNOWN,
            street=state.place.street or UNKNOWN,
            class_code=state.class_code or UNKNOWN,
            source=state.source,
            facts=_facts(state, assignment, is_last=number == len(assignments)),
        )


def _facts(state: ScoringState, assignment: ScoringAssignment | None, *, is_last: bool) -> int:
    if assignment is None:
        return case_facts(state)
    if is_last:
        return assignment_facts(assignment) | last_assignment_facts(assignment, state) | case_facts(state)
    return assignment_facts(assignment) | earlier_assignment_facts(assignment)


def case_facts(state: ScoringState) -> int:
    """Return the facts of the case as a whole. Only its current row carries them, so that no sum counts them twice."""
    facts = FACT_BIT["current"] | FACT_BIT[_END_FACTS.get(state.status, "open")]
    if state.row_id is not None:
        facts |= FACT_BIT["filed"]
    if state.reopened:
        facts |= FACT_BIT["reopened"]
    if state.recurrence_of is not None:
        facts |= FACT_BIT["recurring"]
    if state.reports > 1:
        facts |= FACT_BIT["repeated"]
    if state.urged:
        facts |= FACT_BIT["urged"]
    if state.escalation is not None and state.escalation.entries:
        facts |= FACT_BIT["escalated"]
    if state.past:
        facts |= FACT_BIT["imported"]
    if state.time_limits is not None and state.time_limits.exempt:
        facts |= FACT_BIT["exempt"]
    return facts | _rating_facts(state)


def assignment_facts(assignment: ScoringAssignment) -> int:
    """Return the facts of any assignment, the last one or not."""
    facts = FACT_BIT["dispatched"]
    if assignment.accepted_at is not None:
        facts |= FACT_BIT["accepted"]
    if assignment.limits and assignment.limits[-1].due_at is not None:
        facts |= FACT_BIT["limited"]
    if assignment.overdue_at is not None or any(limit.late for limit in assignment.limits):
        facts |= FACT_BIT["overdue"]
    if _accepted_late(assignment):
        facts |= FACT_BIT["accepted_late"]
    if assignment.reworks:
        facts |= FACT_BIT["reworked"]
    if assignment.returned_at is not None:
        facts |= FACT_BIT["returned"]
    return facts


def last_assignment_facts(assignment: ScoringAssignment, state: ScoringState) -> int:
    """Return the facts of the last assignment's work. Earlier ones have none: the order went to another department."""
    limit = assignment.limits[-1] if assignment.limits else None
    if limit is None or limit.finished_at is None or state.status not in _HANDLED_STATUSES:
        return 0
    if limit.late is None:
        return FACT_BIT["handled"]
    return FACT_BIT["handled"] | (FACT_BIT["late"] if limit.late else FACT_BIT["on_time"])


def earlier_assignment_facts(assignment: ScoringAssignment) -> int:
    """Return the facts of an assignment that another one followed: withdrawn and resent (重派), or returned."""
    return FACT_BIT["resent"] if assignment.withdrawn_at is not None else 0


def _accepted_late(assignment: ScoringAssignment) -> bool:
    if assignment.accept_overdue_at is not None:
        return True
    return (
        assignment.accepted_at is not None
        and assignment.accept_by is not None
        and assignment.accepted_at > assignment.accept_by
    )


def _rating_facts(state: ScoringState) -> int:
    """Return the facts of the case's rating, reviewed and raw; no answer is no rating."""
    if not state.called_back:
        return 0
    if state.rated_by is None:
        # Of a release whose last callback was the case's rating.
        last = state.called_back[-1].rating
        return _facts_of_rating(last, _RATING_FACTS) | _facts_of_rating(last, _RAW_RATING_FACTS)
    return _facts_of_rating(state.rating, _RATING_FACTS) | _facts_of_rating(state.raw_rating, _RAW_RATING_FACTS)


def _facts_of_rating(rating: Rating | None, facts: dict[Rating, tuple[Fact, Fact]]) -> int:
    names = facts.get(rating, ()) if rating else ()
    return sum(FACT_BIT[name] for name in names)
