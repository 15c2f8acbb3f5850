"""Fills dispatch with copies of an installation's own cases, most of them ended, over two years.

Sources, classes, departments and places are from common to rare, the last of each found in about one case of 5,000.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import asyncpg

from paidan_chassis.database import Connection
from paidan_contracts.city import City

# What a copy is like comes from its id alone, so that every run has the same cases.
_PLAN_COPIES: Final = """
    CREATE TEMP TABLE copied AS
    SELECT original_id, version, case_id, bits, at, stage, source, class_code, places,
           CASE WHEN stage NOT IN ('filed', 'received') THEN department END AS department,
           CASE WHEN stage IN ('closed', 'voided', 'not_accepted')
                THEN LEAST(at + r4 * interval '6 days', $3) END AS ended_at,
           stage = 'closed' AND r4 < 0.004 AS awaits_call,
           stage = 'filed' AND r5 < 0.8 AS held,
           opens AND stage NOT IN ('suspended', 'filed') AND r5 < 0.20 AS overdue,
           opens AND stage NOT IN ('suspended', 'filed') AND r5 BETWEEN 0.20 AND 0.30 AS due_soon,
           CASE WHEN stage = 'handling' AND r4 < 0.010 THEN 'extension'
                WHEN stage = 'handling' AND r4 < 0.012 THEN 'suspension'
                WHEN stage = 'closed' AND r4 BETWEEN 0.9995 AND 0.9996 THEN 'appeal' END AS pending_request,
           CASE WHEN opens AND r5 < 0.05 THEN {level} END AS level,
           CASE WHEN stage = 'received' AND r4 < 0.3 THEN ' office=lake verifier=steward '
                WHEN by_place < 0.03 THEN ' leader=leader-lake office=lake '
                WHEN by_class > 0.9997 THEN ' office=planning unit=inspectors ' END AS answerable,
           CASE WHEN opens AND stage <> 'suspended' THEN $3 + interval '1 day' + r4 * interval '20 days' END
               AS next_due_at
      FROM (SELECT original.case_id AS original_id, version, copy.id AS case_id, bits, opens, at, r4, r5,
                   by_class, by_place,
                   CASE WHEN opens AND r2 < 0.03 THEN 'filed'
                        WHEN opens AND r2 < 0.05 THEN 'received'
                        WHEN opens AND r2 < 0.15 THEN 'inspecting'
                        WHEN opens AND r2 < 0.20 THEN 'suspended'
                        WHEN opens AND r2 < 0.50 THEN 'dispatched'
                        WHEN opens THEN 'handling'
                        WHEN r2 < 0.04 THEN 'voided'
                        WHEN r2 < 0.06 THEN 'not_accepted'
                        ELSE 'closed' END AS stage,
                   {source} AS source, {class_code} AS class_code, {department} AS department, {places} AS places
              FROM dispatch.case_now AS original
             CROSS JOIN generate_series(1, $1::integer) AS n
             CROSS JOIN LATERAL (SELECT left(case_id, -32) || md5(case_id || n) AS id,
                                        n <= $2::integer AS opens) AS copy
             CROSS JOIN LATERAL (SELECT hashtextextended(copy.id, 0) & 9223372036854775807 AS bits,
                                        hashtextextended(copy.id, 1) & 9223372036854775807 AS more_bits) AS hash
             CROSS JOIN LATERAL (SELECT (bits & 65535) / 65536.0::float8 AS r1,
                                        (bits >> 16 & 65535) / 65536.0::float8 AS r2,
                                        (bits >> 32 & 65535) / 65536.0::float8 AS r4,
                                        (bits >> 47 & 65535) / 65536.0::float8 AS r5,
                                        (more_bits & 65535) / 65536.0::float8 AS by_source,
                                        (more_bits >> 16 & 65535) / 65536.0::float8 AS by_class,
                                        (more_bits >> 32 & 65535) / 65536.0::float8 AS by_department,
                                        (more_bits >> 47 & 65535) / 65536.0::float8 AS by_place) AS random
             CROSS JOIN LATERAL (SELECT $3::timestamptz - CASE WHEN opens THEN r1 * r1 * interval '20 days'
                                                               ELSE r1 * interval '700 days' END AS at) AS report
             WHERE original.department IS NOT NULL) AS shaped
     ORDER BY at, case_id
"""
_INSERT_CASES: Final = """
    INSERT INTO dispatch.case_now ({names})
    SELECT {values}
      FROM copied
      JOIN dispatch.case_now AS original ON original.case_id = original_id
     ORDER BY at, copied.case_id
"""
_DIFFERENT: Final[Mapping[str, str]] = {
    **{
        name: f"copied.{name}"
        for name in (
            *("case_id", "source", "class_code", "places", "department", "ended_at", "awaits_call", "held", "overdue"),
            *("due_soon", "pending_request", "level", "next_due_at", "answerable"),
        )
    },
    "status": "stage",
    "square": "CASE WHEN stage = 'closed' THEN NULL ELSE square + (bits % 100000 << 40) END",
    "reported_at": "at",
    "number": "left(right(copied.case_id, 32), 12)",
}
# The state of each says what its row says, as far as lists look at it.
_INSERT_HISTORY: Final = """
    INSERT INTO dispatch.history (case_id, version, chain, event)
    SELECT copied.case_id, copied.version, chain,
           convert_to(jsonb_set(body, '{state}', (body -> 'state')
               || jsonb_build_object('case_id', copied.case_id, 'status', stage, 'source', source,
                                     'class_code', class_code, 'department', department,
                                     'reported_at', to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                                     'text', (body #>> '{state,text}') || '，经十路' || bits % 3000 || '号',
                                     'place', (body #> '{state,place}')
                                              || jsonb_build_object('district', split_part(places, '/', 2),
                                                                    'street', split_part(places, '/', 3),
                                                                    'community', split_part(places, '/', 4))))::text,
                      'UTF8')
      FROM copied
      JOIN (SELECT case_id, version, chain, convert_from(event, 'UTF8')::jsonb AS body FROM dispatch.history)
           AS original ON original.case_id = original_id AND original.version = copied.version
"""
_SELECT_COLUMNS: Final = """
    SELECT attname
      FROM pg_attribute
     WHERE attrelid = 'dispatch.case_now'::regclass
       AND attnum > 0
       AND NOT attisdropped
     ORDER BY attnum
"""
_COUNT: Final = "SELECT count(*), count(*) FILTER (WHERE ended_at IS NULL) FROM dispatch.case_now"


class Filled(NamedTuple):
    """How many cases are stored."""

    cases: int
    open_cases: int


async def fill_queues(dsn: str, city: City, *, copies: int, open_copies: int, at: datetime) -> Filled:
    """Copy every case that has a department, in order of time; the first copies are open, the others have ended."""
    conn = await asyncpg.connect(dsn, timeout=10, server_settings={"work_mem": "256MB"})
    try:
        filled = await copy_as_queues(conn, city, copies=copies, open_copies=open_copies, at=at)
        await conn.execute("VACUUM (ANALYZE)", timeout=None)
        await conn.execute("CHECKPOINT", timeout=None)
        return filled
    finally:
        await conn.close()


async def copy_as_queues(conn: Connection, city: City, *, copies: int, open_copies: int, at: datetime) -> Filled:
    """Insert the copies by this connection."""
    names = [row["attname"] for row in await conn.fetch(_SELECT_COLUMNS)]
    levels = [each.id for each in city.pack.escalation.levels] if city.pack.escalation else []
    plan = _PLAN_COPIES.format(
        source=_pick("by_source", [*city.sources]),
        class_code=_pick("by_class", [*city.classes]),
        department=_pick("by_department", [*city.departments]),
        places=_pick("by_place", places_of_communities(city)),
        level=_pick("r4", levels),
    )
    await conn.execute(_literal(plan, copies, open_copies, at), timeout=None)
    await conn.execute("ANALYZE copied")
    values = ", ".join(_DIFFERENT.get(name, f"original.{name}") for name in names)
    await conn.execute(_INSERT_CASES.format(names=", ".join(names), values=values), timeout=None)
    await conn.execute(_INSERT_HISTORY, timeout=None)
    await conn.execute("DROP TABLE copied")
    row = await conn.fetchrow(_COUNT)
    return Filled(*(row or (0, 0)))


def places_of_communities(city: City) -> list[str]:
    """Return the codes of each community with those of what it lies in, as dispatch stores them."""
    places = {each.code: each for each in city.pack.geography.places}
    paths = []
    for each in city.pack.geography.places:
        if each.level == "community":
            street = places[each.within or ""]
            paths.append(f"/{street.within}/{street.code}/{each.code}/")
    return paths


def _pick(random: str, of: Sequence[str]) -> str:
    """Return the expression that chooses one of these: the first most often, the last in 0.02 % of all cases."""
    if not of:
        return "NULL::text"
    array = "ARRAY[" + ", ".join(f"'{each}'" for each in of) + "]"
    if len(of) == 1:
        return f"'{of[0]}'"
    return (
        f"(CASE WHEN {random} >= 0.9998 THEN '{of[-1]}'"
        f" ELSE ({array})[1 + floor({len(of) - 1} * power({random} / 0.9998, 3))::integer] END)"
    )


def _literal(statement: str, copies: int, open_copies: int, at: datetime) -> str:
    """Return the statement with its values in it: CREATE TABLE AS takes no parameters."""
    values: dict[str, Any] = {"$1": copies, "$2": open_copies, "$3": f"'{at.isoformat()}'::timestamptz"}
    for parameter, value in values.items():
        statement = statement.replace(parameter, str(value))
    return statement
