"""What lanes read before they decide, one function each. The caller owns the transaction, and with it the lanes."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

from paidan_chassis.database import Connection
from paidan_dispatch.inbox.unit_of_work import CaseFile, KnownOutcome
from paidan_dispatch.matching.match import Candidate

SELECT_PACKS_IN_FORCE: Final = """
    SELECT lane, city, version
      FROM lane_city
"""

# Long lists go as one text: asyncpg asks of each element of an array whether it is an array itself, 0.4 us a time.
SELECT_OUTCOMES: Final = """
    SELECT id::text, result, digest, case_id
      FROM outcome
     WHERE id = ANY(string_to_array($1, ',')::uuid[])
"""

SELECT_CASES: Final = """
    SELECT case_id, lane, step, chain
      FROM case_now
     WHERE case_id = ANY($1::text[])
       AND lane = ANY($2::integer[])
"""

# Of closed cases the rule needs to know only that they are there, of open ones everything: the report may join them.
SELECT_NEARBY: Final = """
    SELECT lane, case_id, square, area, class_code, matched_within, past, channel, latitude, longitude, reported_at,
           ended_at, recurs_until, CASE WHEN ended_at IS NULL THEN step END AS step, chain
      FROM case_now
     WHERE square = ANY(string_to_array($1, ',')::bigint[])
       AND recurs_until >= $2
       AND lane = ANY($3::integer[])
"""


async def load_packs_in_force(conn: Connection) -> dict[tuple[int, str], str]:
    """Read which version of each city's pack each lane decides by."""
    return {(row["lane"], row["city"]): row["version"] for row in await conn.fetch(SELECT_PACKS_IN_FORCE)}


async def load_known_outcomes(conn: Connection, ids: Collection[str]) -> dict[str, KnownOutcome]:
    """Read what has become of these reports and actions."""
    rows = await conn.fetch(SELECT_OUTCOMES, ",".join(ids)) if ids else ()
    return {row["id"]: KnownOutcome(row["result"], row["digest"], row["case_id"]) for row in rows}


async def load_case_files(
    conn: Connection, case_ids: Collection[str], partitions: Collection[int]
) -> dict[str, CaseFile]:
    """Read these cases, so far as they are of these lanes: nobody else may touch them."""
    rows = await conn.fetch(SELECT_CASES, case_ids, partitions) if case_ids else ()
    return {row["case_id"]: CaseFile(row["lane"], last_event=row["step"], chain=row["chain"]) for row in rows}


async def load_nearby(
    conn: Connection, squares: Collection[int], partitions: Collection[int], *, since: datetime
) -> tuple[list[tuple[int, Candidate]], dict[str, CaseFile]]:
    """Read what matching may see in these squares (with its lane), and the open cases among them as a whole."""
    rows = await conn.fetch(SELECT_NEARBY, ",".join(map(str, squares)), since, partitions) if squares else ()
    case_files = {
        row["case_id"]: CaseFile(row["lane"], last_event=row["step"], chain=row["chain"]) for row in rows if row["step"]
    }
    return [(row["lane"], _candidate(row)) for row in rows], case_files


def _candidate(row: Mapping[str, Any]) -> Candidate:
    is_open = row["ended_at"] is None
    return Candidate(
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
