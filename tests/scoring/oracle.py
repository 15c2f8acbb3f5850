"""Counts cases again, from whole states and by other means than scoring: no bits, no slim models, no tables."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from typing import NamedTuple
from zoneinfo import ZoneInfo

from paidan_contracts.state import Assignment, CaseState


class Line(NamedTuple):
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


def highest(states: Iterable[CaseState]) -> list[CaseState]:
    """Keep what each case came to."""
    by_version = sorted(states, key=lambda state: state.version)
    return list({state.case_id: state for state in by_version}.values())


def lines(states: Iterable[CaseState], zone: str) -> Iterator[Line]:
    """Give the lines of each case's highest version."""
    for state in highest(states):
        for place, turn in enumerate(state.assignments or [None]):
            current = place == max(len(state.assignments) - 1, 0)
            department = turn.department if turn else state.department
            yield Line(
                state.case_id,
                place + 1,
                state.version,
                state.city,
                state.reported_at.astimezone(ZoneInfo(zone)).date(),
                department or "unknown",
                state.place.district or "unknown",
                state.place.street or "unknown",
                state.class_code or "unknown",
                state.source,
                frozenset((*_turn(turn), *(_whole(state, turn) if current else _past(turn)))),
            )


def tallied(found: Iterable[Line]) -> Counter[tuple[str, date, str, str, frozenset[str]]]:
    """Count the lines that are alike, under every dimension."""
    tally: Counter[tuple[str, date, str, str, frozenset[str]]] = Counter()
    for line in found:
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


def _turn(turn: Assignment | None) -> Iterator[str]:
    if turn is None:
        return
    yield "dispatched"
    yield from ("accepted" for _ in [turn.accepted_at] if turn.accepted_at)
    yield from ("limited" for _ in [0] if turn.limits[-1].due_at)
    yield from ("overdue" for _ in [0] if turn.overdue_at or True in [limit.late for limit in turn.limits])
    yield from ("reworked" for _ in [0] if turn.reworks > 0)
    yield from ("returned" for _ in [0] if turn.returned_at)
    taken_late = turn.accepted_at and turn.accept_by and turn.accepted_at > turn.accept_by
    yield from ("accepted_late" for _ in [0] if turn.accept_overdue_at or taken_late)


def _past(turn: Assignment | None) -> Iterator[str]:
    if turn and turn.withdrawn_at:
        yield "resent"


def _whole(state: CaseState, turn: Assignment | None) -> Iterator[str]:
    yield "current"
    yield state.status if state.status in ("voided", "not_accepted", "closed") else "open"
    flags = {
        "filed": state.row_id,
        "reopened": state.reopened,
        "recurring": state.recurrence_of,
        "repeated": state.reports >= 2,
        "urged": state.urged,
        "imported": state.past,
    }
    yield from (fact for fact, holds in flags.items() if holds)
    rating = state.called_back[-1].rating if state.called_back else "no_answer"
    if rating != "no_answer":
        yield from ("rated", rating)
    if turn and turn.limits[-1].finished_at and state.status in ("inspecting", "closed"):
        yield "handled"
        yield from {True: ["late"], False: ["on_time"], None: []}[turn.limits[-1].late]
