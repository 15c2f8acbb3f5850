"""What a case says to the counts: one row for each of its assignments, with the facts that hold of it."""

from collections.abc import Iterator
from datetime import date
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from paidan_scoring.case_events import PartialAssignment, PartialCaseEvent, PartialState
from paidan_scoring.facts import assignment_facts, case_facts, earlier_assignment_facts, last_assignment_facts

UNKNOWN: Final = "unknown"
"""The bucket of what has no department, district, street or class. It is shown like any other."""


# A tuple, because thousands a second are made and taken apart into columns.
class FactRow(NamedTuple):
    """A case under one of its assignments, as it is counted. Its columns go to the database in this order."""

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


def fact_rows(event: PartialCaseEvent, *, zone: ZoneInfo, partition: int) -> Iterator[FactRow]:
    """Give one row for each assignment; ``partition`` is the one that the case comes in by.

    A case that was never assigned has one too, in the place of its first.
    That place is taken over when the case is assigned, so nothing has to be deleted, and a late old version cannot
    bring the unassigned row back.
    """
    state = event.state
    day = state.reported_at.astimezone(zone).date()
    assignments: tuple[PartialAssignment | None, ...] = state.assignments or (None,)
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


def _facts(state: PartialState, assignment: PartialAssignment | None, *, is_last: bool) -> int:
    if assignment is None:
        return case_facts(state)
    if is_last:
        return assignment_facts(assignment) | last_assignment_facts(assignment, state) | case_facts(state)
    return assignment_facts(assignment) | earlier_assignment_facts(assignment)
