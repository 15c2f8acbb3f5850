"""What lanes write once a batch is decided, one function each, all inside the batch's one transaction."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

import asyncpg

from paidan_contracts.inbox import CityInForce

from .ledger import CaseFile, OutcomeRow, StepRow, ended_at
from .matching import Seen
from .timers import Timer

Connection: TypeAlias = "asyncpg.Connection[Any] | asyncpg.pool.PoolConnectionProxy[Any]"

ALWAYS: Final = datetime.max.replace(tzinfo=UTC)
"""Until when an open case may be found by matching."""

PUT_IN_FORCE: Final = """
    INSERT INTO lane_city (lane, city, version, in_force_at)
    SELECT * FROM unnest($1::integer[], $2::text[], $3::text[], $4::timestamptz[])
        ON CONFLICT (lane, city) DO UPDATE
       SET version = EXCLUDED.version,
           in_force_at = EXCLUDED.in_force_at
"""

CASE_COLUMNS: Final = (
    "case_id", "lane", "version", "city", "area", "status", "department", "class_code", "channel", "matched_within",
    "past", "latitude", "longitude", "square", "reported_at", "recurs_until", "ended_at", "step", "chain",
)  # fmt: skip

MOVE_CASES: Final = """
    UPDATE case_now AS c
       SET version = moved.version,
           status = moved.status,
           department = moved.department,
           class_code = moved.class_code,
           square = CASE WHEN moved.sighted THEN moved.square ELSE c.square END,
           recurs_until = CASE WHEN moved.sighted THEN moved.recurs_until ELSE c.recurs_until END,
           ended_at = moved.ended_at,
           step = moved.step,
           chain = moved.chain
      FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::boolean[], $7::bigint[],
           $8::timestamptz[], $9::timestamptz[], $10::bytea[], $11::bytea[])
           AS moved (case_id, version, status, department, class_code, sighted, square, recurs_until, ended_at, step,
                     chain)
     WHERE c.case_id = moved.case_id
"""

OUTCOME_COLUMNS: Final = (
    "id", "about", "result", "why", "area", "case_id", "case_version", "digest", "sender", "decided_at"
)  # fmt: skip

CONCLUDE_AFTER_ALL: Final = """
    UPDATE outcome
       SET result = decided.result,
           why = decided.why,
           area = decided.area,
           case_id = decided.case_id,
           case_version = decided.case_version,
           digest = decided.digest,
           sender = decided.sender,
           decided_at = decided.decided_at
      FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bytea[],
           $9::text[], $10::timestamptz[])
           AS decided (id, about, result, why, area, case_id, case_version, digest, sender, decided_at)
     WHERE outcome.id = decided.id
       AND outcome.result = 'dead_lettered'
"""

TIMER_COLUMNS: Final = ("case_id", "kind", "generation", "lane", "due_at")

STOP_TIMERS: Final = """
    DELETE FROM timer AS t
     USING unnest($1::text[], $2::text[], $3::bigint[]) AS stopped (case_id, kind, generation)
     WHERE t.case_id = stopped.case_id
       AND t.kind = stopped.kind
       AND t.generation = stopped.generation
"""

SET_TIMERS: Final = """
    INSERT INTO timer (case_id, kind, generation, lane, due_at)
    SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::integer[], $5::timestamptz[])
        ON CONFLICT (case_id, kind) DO UPDATE
       SET generation = EXCLUDED.generation,
           due_at = EXCLUDED.due_at
"""


async def put_in_force(conn: Connection, changes: Mapping[tuple[int, str], CityInForce]) -> None:
    """Note what lanes decide by from now on."""
    if changes:
        lanes, cities = zip(*changes, strict=True)
        said = changes.values()
        await conn.execute(PUT_IN_FORCE, lanes, cities, [s.version for s in said], [s.in_force_at for s in said])


# COPY where rows are new: asyncpg asks of each element of an array whether it is one itself, 0.4 us a time, 70 a case.
async def open_cases(conn: Connection, files: Sequence[CaseFile]) -> None:
    """Add the cases that this batch opened."""
    if files:
        await conn.copy_records_to_table("case_now", records=map(_opened, files), columns=CASE_COLUMNS)


async def move_cases(conn: Connection, files: Sequence[CaseFile]) -> None:
    """Bring the cases that took steps up to date."""
    if files:
        await conn.execute(MOVE_CASES, *zip(*map(_moved, files), strict=True))


async def keep_history(conn: Connection, rows: Sequence[StepRow]) -> None:
    """Add steps to their cases' histories."""
    if rows:
        await conn.copy_records_to_table("history", records=rows, columns=StepRow._fields)


async def conclude(conn: Connection, rows: Collection[OutcomeRow], *, reopened: Collection[str]) -> None:
    """Keep what became of reports and actions; ``reopened`` are ids that were dead-lettered and are decided after all.

    Raises SerializationError when another lane has decided one of them meanwhile: the batch is to be applied anew.
    """
    new = [_concluded(row) for row in rows if row.outcome.id not in reopened]
    old = [_concluded(row) for row in rows if row.outcome.id in reopened]
    try:
        if new:
            await conn.copy_records_to_table("outcome", records=new, columns=OUTCOME_COLUMNS)
    except asyncpg.UniqueViolationError as error:
        raise asyncpg.SerializationError("another lane decided one of these ids meanwhile") from error
    if old:
        await conn.execute(CONCLUDE_AFTER_ALL, *zip(*old, strict=True))


async def start_timers(conn: Connection, timers: Sequence[tuple[Timer, int]]) -> None:
    """Set the clocks of cases that were just opened (with their lanes)."""
    if timers:
        await conn.copy_records_to_table("timer", records=[_timer(*each) for each in timers], columns=TIMER_COLUMNS)


async def change_timers(
    conn: Connection, *, stopped: Collection[tuple[str, str, int]], running: Iterable[tuple[Timer, int]]
) -> None:
    """Stop these settings of clocks (case, kind, generation), and set those (with their lanes)."""
    if stopped:
        await conn.execute(STOP_TIMERS, *zip(*stopped, strict=True))
    rows = [_timer(*each) for each in running]
    if rows:
        await conn.execute(SET_TIMERS, *zip(*rows, strict=True))


def _timer(timer: Timer, lane: int) -> tuple[object, ...]:
    return timer.case_id, timer.kind, timer.generation, lane, timer.due_at


def _opened(each: CaseFile) -> tuple[object, ...]:
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
        _recurs_until(seen),
        ended_at(state),
        each.step,
        each.chain,
    )


def _moved(each: CaseFile) -> tuple[object, ...]:
    state, seen = each.now, each.seen
    return (
        state.case_id,
        state.version,
        state.status,
        state.department,
        state.class_code,
        each.sighted is not None,
        seen and seen.square,
        _recurs_until(seen),
        ended_at(state),
        each.step,
        each.chain,
    )


def _recurs_until(seen: Seen | None) -> datetime:
    if seen is None or seen.recurs_until is None:
        return ALWAYS
    return seen.recurs_until


def _concluded(row: OutcomeRow) -> tuple[object, ...]:
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
