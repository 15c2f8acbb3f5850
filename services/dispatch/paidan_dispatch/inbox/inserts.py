"""Rows that a batch adds: cases, steps, outcomes, clocks. What changes rows that are there is in ``writes``."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import accumulate
from typing import Final, NamedTuple, TypeAlias

import asyncpg

from paidan_chassis.database import Connection
from paidan_dispatch.cases.deadlines import Timer
from paidan_dispatch.inbox.unit_of_work import (
    CaseFile,
    EventRow,
    OutcomeRow,
    awaits_callback,
    ended_at,
)
from paidan_dispatch.matching.match import Candidate

RowValues: TypeAlias = tuple[object, ...]

FAR_FUTURE: Final = datetime.max.replace(tzinfo=UTC)
"""Until when an open case may be found by matching."""

# Up to so many steps the five round trips that COPY takes more cost more than it saves: asyncpg asks of each element
# of an array whether it is one itself, 0.4 us a time, 70 a case.
COPY_THRESHOLD: Final = 100

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


class NewRows(NamedTuple):
    """Rows of each table, in the order of its columns; named as the tables are."""

    case_now: Sequence[RowValues]
    history: Sequence[EventRow]
    outcome: Sequence[RowValues]
    timer: Sequence[RowValues]

    @classmethod
    def from_batch(
        cls,
        opened_cases: Iterable[CaseFile],
        events: Sequence[EventRow],
        outcomes: Iterable[OutcomeRow],
        started_timers: Iterable[tuple[Timer, int]],
    ) -> "NewRows":
        """Take apart what a batch has decided: cases it opened, their clocks with their lanes."""
        return cls(
            [_case_row(each) for each in opened_cases],
            events,
            [outcome_row(each) for each in outcomes],
            [timer_row(*each) for each in started_timers],
        )


def _insert_statement(table: str, first_parameter: int) -> str:
    columns = COLUMNS[table]
    arrays = ", ".join(f"${number}::{type_}[]" for number, type_ in enumerate(columns.values(), first_parameter))
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT * FROM unnest({arrays})"


def _insert_all_statement() -> str:
    first_parameters = accumulate(map(len, COLUMNS.values()), initial=1)
    *others, last = [
        _insert_statement(table, first_parameter)
        for table, first_parameter in zip(COLUMNS, first_parameters, strict=False)
    ]
    return f"WITH {', '.join(f'added_{n} AS ({each})' for n, each in enumerate(others))} {last}"


INSERT_ALL: Final = _insert_all_statement()


async def insert_rows(conn: Connection, new_rows: NewRows) -> None:
    """Add the rows.

    Raises SerializationError when another lane has decided one of the ids meanwhile: the batch is to be applied anew.
    """
    try:
        if len(new_rows.history) <= COPY_THRESHOLD:
            await _insert_with_unnest(conn, new_rows)
        else:
            await _copy_rows(conn, new_rows)
    except asyncpg.UniqueViolationError as error:
        if error.table_name != "outcome":
            raise
        raise asyncpg.SerializationError("another lane decided one of these ids meanwhile") from error


async def _insert_with_unnest(conn: Connection, new_rows: NewRows) -> None:
    if not any(new_rows):
        return
    arrays: list[Sequence[object]] = []
    for table, rows in zip(COLUMNS, new_rows, strict=True):
        arrays += zip(*rows, strict=True) if rows else [()] * len(COLUMNS[table])
    await conn.execute(INSERT_ALL, *arrays)


async def _copy_rows(conn: Connection, new_rows: NewRows) -> None:
    for table, rows in zip(COLUMNS, new_rows, strict=True):
        if rows:
            await conn.copy_records_to_table(table, records=rows, columns=list(COLUMNS[table]))


def timer_row(timer: Timer, partition: int) -> RowValues:
    """Lay out a clock."""
    return timer.case_id, timer.kind, timer.generation, partition, timer.due_at


def _case_row(case_file: CaseFile) -> RowValues:
    state, candidate = case_file.current_state, case_file.candidate
    return (
        state.case_id,
        case_file.partition,
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
        candidate and candidate.square,
        state.reported_at,
        recurs_until(candidate),
        ended_at(state),
        awaits_callback(state),
        case_file.last_event,
        case_file.chain,
    )


def recurs_until(candidate: Candidate | None) -> datetime:
    """Say until when matching is to find a case."""
    if candidate is None or candidate.recurs_until is None:
        return FAR_FUTURE
    return candidate.recurs_until


def outcome_row(row: OutcomeRow) -> RowValues:
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
