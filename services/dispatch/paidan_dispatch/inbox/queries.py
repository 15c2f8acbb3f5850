"""What lanes read before they decide, one function each. The caller owns the transaction, and with it the lanes."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final, TypeAlias

import asyncpg

from paidan_dispatch.inbox.unit_of_work import CaseFile, Decided
from paidan_dispatch.matching.match import Seen

Connection: TypeAlias = "asyncpg.Connection[Any] | asyncpg.pool.PoolConnectionProxy[Any]"

CITIES_IN_FORCE: Final = """
    SELECT lane, city, version
      FROM lane_city
"""

# Long lists go as one text: asyncpg asks of each element of an array whether it is an array itself, 0.4 us a time.
DECIDED: Final = """
    SELECT id::text, result, digest, case_id
      FROM outcome
     WHERE id = ANY(string_to_array($1, ',')::uuid[])
"""

CASES: Final = """
    SELECT case_id, lane, step, chain
      FROM case_now
     WHERE case_id = ANY($1::text[])
       AND lane = ANY($2::integer[])
"""

# Of closed cases the rule needs to know only that they are there, of open ones everything: the report may join them.
NEARBY: Final = """
    SELECT lane, case_id, square, area, class_code, matched_within, past, channel, latitude, longitude, reported_at,
           ended_at, recurs_until, CASE WHEN ended_at IS NULL THEN step END AS step, chain
      FROM case_now
     WHERE square = ANY(string_to_array($1, ',')::bigint[])
       AND recurs_until >= $2
       AND lane = ANY($3::integer[])
"""


async def cities_in_force(conn: Connection) -> dict[tuple[int, str], str]:
    """Read which version of each city's pack each lane decides by."""
    return {(row["lane"], row["city"]): row["version"] for row in await conn.fetch(CITIES_IN_FORCE)}


async def decided(conn: Connection, ids: Collection[str]) -> dict[str, Decided]:
    """Read what has become of these reports and actions."""
    rows = await conn.fetch(DECIDED, ",".join(ids)) if ids else ()
    return {row["id"]: Decided(row["result"], row["digest"], row["case_id"]) for row in rows}


async def cases(conn: Connection, case_ids: Collection[str], lanes: Collection[int]) -> dict[str, CaseFile]:
    """Read these cases, so far as they are of these lanes: nobody else may touch them."""
    rows = await conn.fetch(CASES, case_ids, lanes) if case_ids else ()
    return {row["case_id"]: CaseFile(row["lane"], step=row["step"], chain=row["chain"]) for row in rows}


async def nearby(
    conn: Connection, squares: Collection[int], lanes: Collection[int], *, since: datetime
) -> tuple[list[tuple[int, Seen]], dict[str, CaseFile]]:
    """Read what matching may see in these squares (with its lane), and the open cases among them as a whole."""
    rows = await conn.fetch(NEARBY, ",".join(map(str, squares)), since, lanes) if squares else ()
    files = {row["case_id"]: CaseFile(row["lane"], step=row["step"], chain=row["chain"]) for row in rows if row["step"]}
    return [(row["lane"], _seen(row)) for row in rows], files


def _seen(row: Mapping[str, Any]) -> Seen:
    is_open = row["ended_at"] is None
    return Seen(
        case_id=row["case_id"],
        square=row["square"],
        area=row["area"],
        class_code=row["class_code"],
        matched_within=row["matched_within"],
        past=row["past"],
        channel=row["channel"],
        latitude=row["latitude"],
        longitude=row["longitude"],
        reported_at=row["reported_at"],
        closed_at=row["ended_at"],
        recurs_until=None if is_open else row["recurs_until"],
    )
