"""Fills a database with copies of its own cases, under other ids and in other places.

A hundred times the cases in minutes: rows, indexes and tallies have the sizes that as many reports would have made.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import asyncpg

# Tables with a row for each case, step, report or day. One that a release does not have is passed over.
TABLES: Final = (
    "dispatch.case_now",
    "dispatch.history",
    "dispatch.outcome",
    "dispatch.timer",
    "dispatch.case_report",
    "intake.vault",
    "intake.outcome",
    "intake.standing",
    "scoring.fact",
    "scoring.tally",
)
# What differs in the n-th copy, by a column's name and type; all other columns are copied. A case's id ends in 32 hex
# digits, by which copies spread over an index like the cases of other reports. A square is far outside of the city.
DIFFERENT: Final[Mapping[tuple[str, str], str]] = {
    ("case_id", "text"): "left(case_id, -32) || md5(case_id || n)",
    ("id", "uuid"): "md5(id::text || n)::uuid",
    ("report_id", "uuid"): "md5(report_id::text || n)::uuid",
    ("source_ref", "text"): "source_ref || '-' || n",
    ("square", "bigint"): "square + (n::bigint << 40)",
    ("day", "date"): "day - n",
    ("reported_at", "timestamp with time zone"): "reported_at - make_interval(days => n)",
    ("next_due_at", "timestamp with time zone"): "next_due_at + make_interval(mins => n)",
}
SELECT_COLUMNS: Final = """
    SELECT attname AS name, format_type(atttypid, NULL) AS type
      FROM pg_attribute
     WHERE attrelid = to_regclass($1)
       AND attnum > 0
       AND NOT attisdropped
       AND attidentity = ''
       AND attgenerated = ''
     ORDER BY attnum
"""
COUNT_CASES: Final = "SELECT count(*) FROM dispatch.case_now"


class Column(NamedTuple):
    """A column that an INSERT names."""

    name: str
    type: str


def copy_statement(table: str, columns: Sequence[Column]) -> str:
    """Return the statement that inserts the copies 1 to $1 of every row of a table."""
    names = ", ".join(f'"{column.name}"' for column in columns)
    values = ", ".join(DIFFERENT.get(column, f'"{column.name}"') for column in columns)
    return f"INSERT INTO {table} ({names}) SELECT {values} FROM {table} CROSS JOIN generate_series(1, $1::integer) AS n"


def copies_needed(stored: int, *, up_to: int) -> int:
    """Return how often every case must be copied for at least this many to be stored."""
    return max(math.ceil(up_to / stored) - 1, 0)


async def copy_cases(dsn: str, *, up_to: int) -> None:
    """Copy every case as often as gives at least this many, then bring statistics and files up to date."""
    conn = await asyncpg.connect(dsn, timeout=10)
    try:
        copies = copies_needed(await conn.fetchval(COUNT_CASES), up_to=up_to)
        for table in TABLES:
            if columns := [Column(row["name"], row["type"]) for row in await conn.fetch(SELECT_COLUMNS, table)]:
                await conn.execute(copy_statement(table, columns), copies, timeout=None)
        await conn.execute("VACUUM (ANALYZE)", timeout=None)
        await conn.execute("CHECKPOINT", timeout=None)
    finally:
        await conn.close()


async def stored_cases(dsn: str) -> int:
    """Return how many cases are stored."""
    conn: asyncpg.Connection[Any] = await asyncpg.connect(dsn, timeout=10)
    try:
        return int(await conn.fetchval(COUNT_CASES))
    finally:
        await conn.close()
