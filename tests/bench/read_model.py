"""Fills the cockpit's read model: copies of an installation's own cases, most of them closed, over two years.

The open ones have the ids that `preload` gives to its copies, so that dispatch knows them, too.
"""

from datetime import datetime
from typing import Any, Final, NamedTuple

import asyncpg

# A copy's three random shares come from its id, so that every run has the same cases.
_INSERT_CASES: Final = """
    INSERT INTO case_row ({names})
    SELECT {values}
      FROM case_row
     CROSS JOIN generate_series(1, $1::integer) AS n
     CROSS JOIN LATERAL (SELECT left(case_id, -32) || md5(case_id || n) AS id, n <= $2::integer AS opens) AS copy
     CROSS JOIN LATERAL (SELECT hashtextextended(copy.id, 0) & 9223372036854775807 AS bits) AS hash
     CROSS JOIN LATERAL (SELECT (bits & 65535) / 65536.0 AS r1,
                                (bits >> 16 & 65535) / 65536.0 AS r2,
                                (bits >> 32 & 65535) / 65536.0 AS r3) AS random
     CROSS JOIN LATERAL (SELECT $3::timestamptz - CASE WHEN opens THEN r1 * r1 * interval '20 days'
                                                       ELSE r1 * interval '700 days' END AS at) AS report
     CROSS JOIN LATERAL (SELECT CASE WHEN opens AND (department IS NULL OR r2 < 0.03) THEN 'filed'
                                     WHEN opens AND r2 < 0.05 THEN 'received'
                                     WHEN opens AND r2 < 0.15 THEN 'inspecting'
                                     WHEN opens AND r2 < 0.20 THEN 'suspended'
                                     WHEN opens AND r2 < 0.50 THEN 'dispatched'
                                     WHEN opens THEN 'handling'
                                     WHEN r2 < 0.04 THEN 'voided'
                                     WHEN r2 < 0.06 THEN 'not_accepted'
                                     ELSE 'closed' END AS stage) AS stages
     ORDER BY at
"""
_DIFFERENT: Final = {
    "case_id": "copy.id",
    "number": "left(right(copy.id, 32), 10)",
    "status": "stage",
    "address": "'经十路' || bits % 3000 || '号'",
    "latitude": "latitude + (r1 - 0.5) / 50",
    "longitude": "longitude + (r3 - 0.5) / 50",
    "confidential": "r3 > 0.99",
    "department": "CASE WHEN stage NOT IN ('filed', 'received') THEN department END",
    "hops": "(r3 < 0.05)::integer",
    "awaits_call": "stage = 'closed' AND r3 < 0.004",
    "reported_at": "at",
    "ended_at": "CASE WHEN NOT opens THEN LEAST(at + r3 * interval '6 days', $3) END",
    "due_kind": "CASE WHEN opens AND stage <> 'suspended' THEN 'handle' END",
    "due_at": "CASE WHEN opens AND stage <> 'suspended' THEN at + interval '1 day' + r3 * interval '20 days'"
    " ELSE '9999-01-01Z' END",
}
_COPY_WORDS: Final = """
    INSERT INTO case_words (case_id, city, reported_at, words)
    SELECT copied.case_id, copied.city, copied.reported_at,
           words || ARRAY['经十', '十路', '号', regexp_replace(address, '[^0-9]', '', 'g')]
                 || CASE WHEN copied.status IN ('voided', 'not_accepted') THEN 'status=' || copied.status END
      FROM case_words AS original
     CROSS JOIN generate_series(1, $1::integer) AS n
      JOIN case_row AS copied ON copied.case_id = left(original.case_id, -32) || md5(original.case_id || n)
     ORDER BY copied.reported_at
"""
_INSERT_REPORTS: Final = """
    INSERT INTO report_row (report_id, city, source, recorded_at)
    SELECT md5(case_id)::uuid, city, source, reported_at
      FROM case_row
     ORDER BY reported_at
        ON CONFLICT DO NOTHING
"""
_SELECT_COLUMNS: Final = """
    SELECT attname
      FROM pg_attribute
     WHERE attrelid = 'case_row'::regclass
       AND attnum > 0
       AND NOT attisdropped
     ORDER BY attnum
"""


class Filled(NamedTuple):
    """How many cases the read model holds, and how long its indexes took."""

    cases: int
    open_cases: int
    index_s: float


async def fill_read_model(dsn: str, *, copies: int, open_copies: int, at: datetime) -> Filled:
    """Copy every case, in the order of their reports; the first copies are open at that time, the others have ended."""
    conn = await asyncpg.connect(dsn, timeout=10, server_settings={"search_path": "cockpit", "work_mem": "256MB"})
    try:
        names = [row["attname"] for row in await conn.fetch(_SELECT_COLUMNS)]
        values = ", ".join(_DIFFERENT.get(name, name) for name in names)
        await conn.execute("SELECT drop_read_indexes()")
        insert = _INSERT_CASES.format(names=", ".join(names), values=values)
        await conn.execute(insert, copies, open_copies, at, timeout=None)
        await conn.execute(_COPY_WORDS, copies, timeout=None)
        await conn.execute(_INSERT_REPORTS, timeout=None)
        began = await conn.fetchval("SELECT clock_timestamp()")
        await conn.execute("SELECT create_read_indexes()", timeout=None)
        index_s = (await conn.fetchval("SELECT clock_timestamp()") - began).total_seconds()
        await conn.execute("VACUUM (ANALYZE)", timeout=None)
        await conn.execute("CHECKPOINT", timeout=None)
        return Filled(*await _count(conn), index_s)
    finally:
        await conn.close()


async def _count(conn: "asyncpg.Connection[Any]") -> tuple[int, int]:
    row = await conn.fetchrow("SELECT count(*), count(*) FILTER (WHERE ended_at IS NULL) FROM case_row")
    return tuple(row) if row else (0, 0)
