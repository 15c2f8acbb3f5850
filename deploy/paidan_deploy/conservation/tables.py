"""What the services' tables hold, row by row. Every statement of the check, one function each; reads only."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import asyncpg

Connection: TypeAlias = "asyncpg.Connection[Any]"

BURIED: Final = """
    SELECT topic, partition, log_offset
      FROM {schema}.dead_letter
"""
DECIDED: Final = """
    SELECT id::text, about, result
      FROM dispatch.outcome
"""
CASES: Final = """
    SELECT case_id, version, status
      FROM dispatch.case_now
"""
FACTS: Final = """
    SELECT case_id, max(version) AS version
      FROM scoring.fact
     GROUP BY case_id
"""
TALLIED: Final = """
    SELECT (SELECT count(*) FROM scoring.fact) AS facts,
           (SELECT COALESCE(sum(number), 0)::bigint FROM scoring.tally WHERE dimension = 'city') AS tallied,
           (SELECT count(*) FROM scoring.tally WHERE number < 0) AS negative
"""
SEALED: Final = """
    SELECT report_id::text
      FROM intake.vault
     WHERE report_id = ANY($1::uuid[])
"""
PHOTOS: Final = """
    SELECT DISTINCT ref
      FROM intake.photo
     WHERE ref = ANY($1::text[])
"""
STANDS: Final = """
    SELECT partition, next_offset
      FROM {schema}.lane
     WHERE topic = $1
"""

UNRELAYED: Final = """
    SELECT count(*)
      FROM {schema}.lane
     WHERE relayed_seq < seq
"""


@dataclass(frozen=True, slots=True)
class Tallied:
    """Facts, and what the tallies make of them."""

    facts: int
    tallied: int
    negative: int


async def buried(conn: Connection, schema: str, topic: str) -> set[tuple[int, int]]:
    """Name the records of a topic that a service set aside, by partition and offset."""
    rows = await conn.fetch(BURIED.format(schema=schema))
    return {(row["partition"], row["log_offset"]) for row in rows if row["topic"] == topic}


async def decided(conn: Connection) -> dict[str, tuple[str, str]]:
    """Read every outcome: what it is about, and the result."""
    return {row["id"]: (row["about"], row["result"]) for row in await conn.fetch(DECIDED)}


async def cases(conn: Connection) -> dict[str, tuple[int, str]]:
    """Read version and status of every case."""
    return {row["case_id"]: (row["version"], row["status"]) for row in await conn.fetch(CASES)}


async def facts(conn: Connection) -> dict[str, int]:
    """Read the version that scoring knows of every case."""
    return {row["case_id"]: row["version"] for row in await conn.fetch(FACTS)}


async def tallied(conn: Connection) -> Tallied:
    """Count facts against tallies."""
    row = await conn.fetchrow(TALLIED)
    return Tallied(**dict(row)) if row else Tallied(0, 0, 0)


async def without_vault(conn: Connection, reports: Collection[str]) -> set[str]:
    """Name the references into the vault that lead nowhere."""
    found = {row["report_id"] for row in await conn.fetch(SEALED, list(reports))}
    return set(reports) - found


async def without_photo_row(conn: Connection, refs: Collection[str]) -> set[str]:
    """Name the photos that nobody holds."""
    return set(refs) - {row["ref"] for row in await conn.fetch(PHOTOS, list(refs))}


async def stands(conn: Connection, schema: str, topic: str) -> dict[int, int]:
    """Read how far a service has come in a topic, by partition."""
    return {row["partition"]: row["next_offset"] for row in await conn.fetch(STANDS.format(schema=schema), topic)}


async def unrelayed(conn: Connection, schema: str) -> int:
    """Count the lanes of a service that have something to say which is not known to be out."""
    return int(await conn.fetchval(UNRELAYED.format(schema=schema)))
