"""What lanes change of rows that are there, one function each, inside the batch's one transaction. New rows: adding."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from paidan_chassis.database import Connection
from paidan_contracts.inbox import CityInForce
from paidan_dispatch.cases.deadlines import Timer
from paidan_dispatch.inbox.inserts import outcome_row, recurs_until, timer_row
from paidan_dispatch.inbox.unit_of_work import (
    CaseFile,
    OutcomeRow,
    awaits_callback,
    ended_at,
)

UPSERT_PACKS_IN_FORCE: Final = """
    INSERT INTO lane_city (lane, city, version, in_force_at)
    SELECT * FROM unnest($1::integer[], $2::text[], $3::text[], $4::timestamptz[])
        ON CONFLICT (lane, city) DO UPDATE
       SET version = EXCLUDED.version,
           in_force_at = EXCLUDED.in_force_at
"""

UPDATE_CASES: Final = """
    UPDATE case_now AS c
       SET version = moved.version,
           status = moved.status,
           department = moved.department,
           class_code = moved.class_code,
           square = CASE WHEN moved.sighted THEN moved.square ELSE c.square END,
           recurs_until = CASE WHEN moved.sighted THEN moved.recurs_until ELSE c.recurs_until END,
           ended_at = moved.ended_at,
           awaits_call = moved.awaits_call,
           step = moved.step,
           chain = moved.chain
      FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::boolean[], $7::bigint[],
           $8::timestamptz[], $9::timestamptz[], $10::boolean[], $11::bytea[], $12::bytea[])
           AS moved (case_id, version, status, department, class_code, sighted, square, recurs_until, ended_at,
                     awaits_call, step, chain)
     WHERE c.case_id = moved.case_id
"""

REPLACE_DEAD_LETTER_OUTCOMES: Final = """
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

DELETE_TIMERS: Final = """
    DELETE FROM timer AS t
     USING unnest($1::text[], $2::text[], $3::bigint[]) AS stopped (case_id, kind, generation)
     WHERE t.case_id = stopped.case_id
       AND t.kind = stopped.kind
       AND t.generation = stopped.generation
"""

UPSERT_TIMERS: Final = """
    INSERT INTO timer (case_id, kind, generation, lane, due_at)
    SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::integer[], $5::timestamptz[])
        ON CONFLICT (case_id, kind) DO UPDATE
       SET generation = EXCLUDED.generation,
           due_at = EXCLUDED.due_at
"""


async def save_packs_in_force(conn: Connection, changes: Mapping[tuple[int, str], CityInForce]) -> None:
    """Note what lanes decide by from now on."""
    if changes:
        partitions, cities = zip(*changes, strict=True)
        entries = changes.values()
        await conn.execute(
            UPSERT_PACKS_IN_FORCE, partitions, cities, [s.version for s in entries], [s.in_force_at for s in entries]
        )


async def update_cases(conn: Connection, case_files: Sequence[CaseFile]) -> None:
    """Bring the cases that took steps up to date."""
    if case_files:
        await conn.execute(UPDATE_CASES, *zip(*map(_case_update, case_files), strict=True))


async def replace_dead_letter_outcomes(conn: Connection, rows: Sequence[OutcomeRow]) -> None:
    """Say what became of ids that were dead-lettered before."""
    if rows:
        await conn.execute(REPLACE_DEAD_LETTER_OUTCOMES, *zip(*map(outcome_row, rows), strict=True))


async def save_timer_changes(
    conn: Connection, *, stopped: Collection[tuple[str, str, int]], running: Iterable[tuple[Timer, int]]
) -> None:
    """Stop these settings of clocks (case, kind, generation), and set those (with their lanes)."""
    if stopped:
        await conn.execute(DELETE_TIMERS, *zip(*stopped, strict=True))
    rows = [timer_row(*each) for each in running]
    if rows:
        await conn.execute(UPSERT_TIMERS, *zip(*rows, strict=True))


def _case_update(case_file: CaseFile) -> tuple[object, ...]:
    state, candidate = case_file.current_state, case_file.candidate
    return (
        state.case_id,
        state.version,
        state.status,
        state.department,
        state.class_code,
        case_file.index_change is not None,
        candidate and candidate.square,
        recurs_until(candidate),
        ended_at(state),
        awaits_callback(state),
        case_file.last_event,
        case_file.chain,
    )
