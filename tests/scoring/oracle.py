"""Counts cases independently of scoring: from whole states, without bits, partial models or tables."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from typing import NamedTuple
from zoneinfo import ZoneInfo

from paidan_contracts.assignments import Assignment
from paidan_contracts.state import CaseState


class FactLine(NamedTuple):
    """A case under one assignment."""

    case_id: str
    assignment: int
    version: int
    city: str
    day: date
    department: str
    district: str
    street: str
    class_code: str
    source: str
    facts: frozenset[str]


def latest_states(states: Iterable[CaseState]) -> list[CaseState]:
    """Return each case's highest version."""
    by_version = sorted(states, key=lambda state: state.version)
    return list({state.case_id: state for state in by_version}.values())


def expected_facts(states: Iterable[CaseState], zone: str) -> Iterator[FactLine]:
    """Yield the fact lines of each case's highest version."""
    for state in latest_states(states):
        for index, assignment in enumerate(state.assignments or [None]):
            current = index == max(len(state.assignments) - 1, 0)
            department = assignment.department if assignment else state.department
            yield FactLine(
                state.case_id,
                index + 1,
                state.version,
                state.city,
                state.reported_at.astimezone(ZoneInfo(zone)).date(),
                department or "unknown",
                state.place.district or "unknown",
                state.place.street or "unknown",
                state.class_code or "unknown",
                state.source,
                frozenset(
                    (
                        *_assignment_facts(assignment),
                        *(_case_facts(state, assignment) if current else _past_assignment_facts(assignment)),
                    )
                ),
            )


def expected_tallies(facts: Iterable[FactLine]) -> Counter[tuple[str, date, str, str, frozenset[str]]]:
    """Count equal lines under every dimension."""
    tally: Counter[tuple[str, date, str, str, frozenset[str]]] = Counter()
    for line in facts:
        keys = {
            "city": line.city,
            "department": line.department,
            "district": line.district,
            "street": line.street,
            "class": line.class_code,
            "source": line.source,
        }
        for dimension, key in keys.items():
            tally[line.city, line.day, dimension, key, line.facts] += 1
    return tally


def _assignment_facts(assignment: Assignment | None) -> Iterator[str]:
    if assignment is None:
        return
    yield "dispatched"
    yield from ("accepted" for _ in [assignment.accepted_at] if assignment.accepted_at)
    yield from ("limited" for _ in [0] if assignment.limits[-1].due_at)
    yield from ("overdue" for _ in [0] if assignment.overdue_at or True in [limit.late for limit in assignment.limits])
    yield from ("reworked" for _ in [0] if assignment.reworks > 0)
    yield from ("returned" for _ in [0] if assignment.returned_at)
    accepted_late = assignment.accepted_at and assignment.accept_by and assignment.accepted_at > assignment.accept_by
    yield from ("accepted_late" for _ in [0] if assignment.accept_overdue_at or accepted_late)


def _past_assignment_facts(assignment: Assignment | None) -> Iterator[str]:
    if assignment and assignment.withdrawn_at:
        yield "resent"


def _case_facts(state: CaseState, assignment: Assignment | None) -> Iterator[str]:
    yield "current"
    yield state.status if state.status in ("voided", "not_accepted", "closed") else "open"
    flags = {
        "filed": state.row_id,
        "reopened": state.reopened,
        "recurring": state.recurrence_of,
        "repeated": state.reports >= 2,
        "urged": state.urged,
        "escalated": state.escalation and state.escalation.entries,
        "imported": state.past,
        "exempt": state.time_limits and state.time_limits.exempt,
    }
    yield from (fact for fact, is_true in flags.items() if is_true)
    last = state.called_back[-1].rating if state.called_back else None
    reviewed, raw = (state.rating, state.raw_rating) if state.rated_by else (last, last)
    if reviewed not in (None, "no_answer"):
        yield from ("rated", str(reviewed))
    if raw not in (None, "no_answer"):
        yield from ("rated_raw", f"{raw}_raw")
    if assignment and assignment.limits[-1].finished_at and state.status in ("inspecting", "closed"):
        yield "handled"
        yield from {True: ["late"], False: ["on_time"], None: []}[assignment.limits[-1].late]
