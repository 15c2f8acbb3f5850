"""Rows that a batch adds: cases, steps, outcomes, clocks. What changes rows that are there is in ``writes``."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any, Final, NamedTuple, TypeAlias

import asyncpg

from paidan_dispatch.cases.deadlines import Timer
from paidan_dispatch.inbox.unit_of_work import (
    CaseFile,
    OutcomeRow,
    StepRow,
    awaits_call,
    ended_at,
)
from paidan_dispatch.matching.match import Seen

Connection: TypeAlias = "asyncpg.Connection[Any] | asyncpg.pool.PoolConnectionProxy[Any]"
Values: TypeAlias = tuple[object, ...]

ALWAYS: Final = datetime.max.replace(tzinfo=UTC)
"""Until when an open case may be found by matching."""

# Up to so many steps the five round trips that COPY takes more cost more than it saves: asyncpg asks of each element
# of an array whether it is one itself, 0.4 us a time, 70 a case.
FEW: Final = 100

COLUMNS: Final[Mapping[str, Mapping[str, str]]] = {
    "case_now": {
        "case_id": "text",
        "lane": "integer",
        "version": "bigint",
        "city": "text",
        "area": "text",
        "status": "text",
        "department": "text",
        "class_code": "text",
        "channel": "text",
        "matched_within": "text",
        "past": "boolean",
        "latitude": "double precision",
        "longitude": "double precision",
        "square": "bigint",
        "reported_at": "timestamptz",
        "recurs_until": "timestamptz",
        "ended_at": "timestamptz",
        "awaits_call": "boolean",
        "step": "bytea",
        "chain": "bytea",
    },
    "history": {"case_id": "text", "version": "bigint", "event": "bytea", "chain": "bytea"},
    "outcome": {
        "id": "uuid",
        "about": "text",
        "result": "text",
        "why": "text",
        "area": "text",
        "case_id": "text",
        "case_version": "bigint",
        "digest": "bytea",
        "sender": "text",
        "decided_at": "timestamptz",
    },
    "timer": {
        "case_id": "text",
        "kind": "text",
        "generation": "bigint",
        "lane": "integer",
        "due_at": "timestamptz",
    },
}


class Added(NamedTuple):
    """Rows of each table, in the order of its columns; named as the tables are."""

    case_now: Sequence[Values]
    history: Sequence[StepRow]
    outcome: Sequence[Values]
    timer: Sequence[Values]

    @classmethod
    def of(
        cls,
        opened: Iterable[CaseFile],
        steps: Sequence[StepRow],
        outcomes: Iterable[OutcomeRow],
        started: Iterable[tuple[Timer, int]],
    ) -> "Added":
        """Take apart what a batch has decided: cases it opened, their clocks with their lanes."""
        return cls(
            [_opened(each) for each in opened],
            steps,
            [outcome_row(each) for each in outcomes],
            [timer_row(*each) for each in started],
        )


def _insert(table: str, first: int) -> str:
    columns = COLUMNS[table]
    arrays = ", ".join(f"${number}::{type_}[]" for number, type_ in enumerate(columns.values(), first))
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT * FROM unnest({arrays})"


def _insert_all() -> str:
    firsts = accumulate(map(len, COLUMNS.values()), initial=1)
    *others, last = [_insert(table, first) for table, first in zip(COLUMNS, firsts, strict=False)]
    return f"WITH {', '.join(f'added_{n} AS ({each})' for n, each in enumerate(others))} {last}"


ADD_FEW: Final = _insert_all()


async def add(conn: Connection, added: Added) -> None:
    """Add the rows.

    Raises SerializationError when another lane has decided one of the ids meanwhile: the batch is to be applied anew.
    """
    try:
        if len(added.history) <= FEW:
            await _add_few(conn, added)
        else:
            await _add_many(conn, added)
    except asyncpg.UniqueViolationError as error:
        if error.table_name != "outcome":
            raise
        raise asyncpg.SerializationError("another lane decided one of these ids meanwhile") from error


async def _add_few(conn: Connection, added: Added) -> None:
    if not any(added):
        return
    arrays: list[Sequence[object]] = []
    for table, rows in zip(COLUMNS, added, strict=True):
        arrays += zip(*rows, strict=True) if rows else [()] * len(COLUMNS[table])
    await conn.execute(ADD_FEW, *arrays)


async def _add_many(conn: Connection, added: Added) -> None:
    for table, rows in zip(COLUMNS, added, strict=True):
        if rows:
            await conn.copy_records_to_table(table, records=rows, columns=list(COLUMNS[table]))


def timer_row(timer: Timer, lane: int) -> Values:
    """Lay out a clock."""
    return timer.case_id, timer.kind, timer.generation, lane, timer.due_at


def _opened(each: CaseFile) -> Values:
    state, seen = each.now, each.seen
    return (
        state.case_id,
        each.lane,
        state.version,
        state.city,
        state.area,
        state.status,
        state.department,
        state.class_code,
        state.channel,
        state.matched_within,
        state.past,
        state.place.latitude,
        state.place.longitude,
        seen and seen.square,
        state.reported_at,
        recurs_until(seen),
        ended_at(state),
        awaits_call(state),
        each.step,
        each.chain,
    )


def recurs_until(seen: Seen | None) -> datetime:
    """Say until when matching is to find a case."""
    if seen is None or seen.recurs_until is None:
        return ALWAYS
    return seen.recurs_until


def outcome_row(row: OutcomeRow) -> Values:
    """Lay out an outcome."""
    outcome = row.outcome
    return (
        outcome.id,
        outcome.about,
        outcome.result,
        outcome.why and outcome.why.model_dump_json(),
        outcome.area,
        outcome.case_id,
        outcome.case_version,
        bytes.fromhex(row.digest) if row.digest else None,
        row.sender,
        outcome.decided_at,
    )
