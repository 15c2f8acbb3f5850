"""What a case says to the counts: one row for each of its assignments, with the facts that hold of it."""

from collections.abc import Iterator
from datetime import date
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from paidan_scoring.case_events import AssignmentSeen, StateSeen, StepSeen
from paidan_scoring.facts import of_case, of_earlier_turn, of_last_turn, of_turn

UNKNOWN: Final = "unknown"
"""The bucket of what has no department, district, street or class. It is shown like any other."""


# A tuple, because thousands a second are made and taken apart into columns.
class Row(NamedTuple):
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


def rows_of(step: StepSeen, *, zone: ZoneInfo, partition: int) -> Iterator[Row]:
    """Give one row for each assignment; ``partition`` is the one that the case comes in by.

    A case that was never assigned has one too, in the place of its first.
    That place is taken over when the case is assigned, so nothing has to be deleted, and a late old version cannot
    bring the unassigned row back.
    """
    state = step.state
    day = state.reported_at.astimezone(zone).date()
    turns: tuple[AssignmentSeen | None, ...] = state.assignments or (None,)
    for number, turn in enumerate(turns, start=1):
        yield Row(
            case_id=step.case_id,
            assignment=number,
            version=step.version,
            partition=partition,
            city=state.city,
            day=day,
            department=(turn.department if turn else state.department) or UNKNOWN,
            district=state.place.district or UNKNOWN,
            street=state.place.street or UNKNOWN,
            class_code=state.class_code or UNKNOWN,
            source=state.source,
            facts=_facts(state, turn, last=number == len(turns)),
        )


def _facts(state: StateSeen, turn: AssignmentSeen | None, *, last: bool) -> int:
    if turn is None:
        return of_case(state)
    if last:
        return of_turn(turn) | of_last_turn(turn, state) | of_case(state)
    return of_turn(turn) | of_earlier_turn(turn)
