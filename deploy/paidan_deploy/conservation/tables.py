"""Every SQL statement of the conservation check, one function each. Reads only."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from paidan_chassis.database import Connection
from paidan_deploy.conservation.cases_log import NO_STEPS, CaseRow, CaseSteps
from paidan_deploy.conservation.cut import LaneAtCut
from paidan_deploy.conservation.log_contents import CountedRange

HISTORY_PREFETCH: Final = 5_000

SELECT_DEAD_LETTERS: Final = """
    SELECT topic, partition, log_offset
      FROM {schema}.dead_letter
"""
SELECT_OUTCOMES: Final = """
    SELECT id::text, about, result
      FROM dispatch.outcome
"""
SELECT_CASES: Final = """
    SELECT case_id, version, status, chain
      FROM dispatch.case_now
"""
SELECT_HISTORY: Final = """
    SELECT case_id, version, sha256(event) AS step, chain
      FROM dispatch.history
     ORDER BY case_id, version
"""
SELECT_NOTED: Final = """
    SELECT report_id::text, answer
      FROM dispatch.noted_report
"""
# A sender beyond its limit has most of its dead letters counted and not kept.
COUNT_DEAD_LETTERS: Final = """
    SELECT topic, sum(number)::bigint AS number
      FROM (SELECT topic, count(*) AS number
              FROM {schema}.dead_letter
             WHERE redriven_at IS NULL
             GROUP BY topic
             UNION ALL
            SELECT topic, sum(counted)
              FROM {schema}.sender_hour
             GROUP BY topic) AS counts
     GROUP BY topic
"""
SELECT_COUNTED: Final = """
    SELECT partition, first_offset, last_offset, counted
      FROM {schema}.sender_hour
     WHERE topic = $1
       AND counted > 0
"""
SELECT_LANES: Final = """
    SELECT consumer, topic, partition, next_offset, seq
      FROM {schema}.lane
"""
SELECT_FACT_VERSIONS: Final = """
    SELECT case_id, max(version) AS version
      FROM scoring.fact
     GROUP BY case_id
"""
COUNT_FACTS_AND_TALLIES: Final = """
    SELECT (SELECT count(*) FROM scoring.fact) AS facts,
           (SELECT COALESCE(sum(number), 0)::bigint FROM scoring.tally WHERE dimension = 'city') AS tallied,
           (SELECT count(*) FROM scoring.tally WHERE number < 0) AS negative
"""
SELECT_VAULT_ENTRIES: Final = """
    SELECT report_id::text
      FROM intake.vault
     WHERE report_id = ANY($1::uuid[])
"""
SELECT_PHOTOS: Final = """
    SELECT DISTINCT ref
      FROM intake.photo
     WHERE ref = ANY($1::text[])
"""
SELECT_POSITIONS: Final = """
    SELECT partition, next_offset
      FROM {schema}.lane
     WHERE topic = $1
"""
SELECT_RELAYED: Final = """
    SELECT consumer, topic, partition, relayed_seq
      FROM {schema}.lane
"""


@dataclass(frozen=True, slots=True)
class TallyCounts:
    """Number of facts, and the sums of the tallies."""

    facts: int
    tallied: int
    negative: int


async def dead_letter_positions(conn: Connection, schema: str, topic: str) -> set[tuple[int, int]]:
    """Return partition and offset of a topic's records that a service dead-lettered."""
    rows = await conn.fetch(SELECT_DEAD_LETTERS.format(schema=schema))
    return {(row["partition"], row["log_offset"]) for row in rows if row["topic"] == topic}


async def counted_dead_letters(conn: Connection, schema: str, topic: str) -> list[CountedRange]:
    """Return between which offsets a service counted dead letters of a topic without keeping them."""
    rows = await conn.fetch(SELECT_COUNTED.format(schema=schema), topic)
    return [
        CountedRange(topic, row["partition"], row["first_offset"], row["last_offset"], row["counted"]) for row in rows
    ]


async def outcomes(conn: Connection) -> dict[str, tuple[str, str]]:
    """Return every outcome by id: its subject and result."""
    return {row["id"]: (row["about"], row["result"]) for row in await conn.fetch(SELECT_OUTCOMES)}


async def noted_reports(conn: Connection) -> dict[str, str | None]:
    """Return the answer to every noted report by its id; None while it has none."""
    return {row["report_id"]: row["answer"] for row in await conn.fetch(SELECT_NOTED)}


async def case_rows(conn: Connection) -> dict[str, CaseRow]:
    """Return every case as its table holds it."""
    rows = await conn.fetch(SELECT_CASES)
    return {row["case_id"]: CaseRow(row["version"], row["status"], row["chain"]) for row in rows}


async def history(conn: Connection) -> dict[str, CaseSteps]:
    """Return every case as its history holds it, row by row within a transaction: it is the largest table."""
    steps: dict[str, CaseSteps] = {}
    async for row in conn.cursor(SELECT_HISTORY, prefetch=HISTORY_PREFETCH):
        known = steps.get(row["case_id"], NO_STEPS)
        steps[row["case_id"]] = known.extend(row["version"], row["step"], row["chain"])
    return steps


async def dead_letter_counts(conn: Connection, schemas: Sequence[str]) -> Counter[str]:
    """Count dead letters that were not put back, by topic."""
    counts: Counter[str] = Counter()
    for schema in schemas:
        counts.update(
            {row["topic"]: row["number"] for row in await conn.fetch(COUNT_DEAD_LETTERS.format(schema=schema))}
        )
    return counts


async def lanes(conn: Connection, schemas: Sequence[str]) -> list[LaneAtCut]:
    """Return every lane of these services as it is now."""
    return [
        LaneAtCut(schema, **row) for schema in schemas for row in await conn.fetch(SELECT_LANES.format(schema=schema))
    ]


async def fact_versions(conn: Connection) -> dict[str, int]:
    """Return scoring's newest version of every case."""
    return {row["case_id"]: row["version"] for row in await conn.fetch(SELECT_FACT_VERSIONS)}


async def tally_counts(conn: Connection) -> TallyCounts:
    """Count facts, tallied facts, and negative tallies."""
    row = await conn.fetchrow(COUNT_FACTS_AND_TALLIES)
    return TallyCounts(**dict(row)) if row else TallyCounts(0, 0, 0)


async def missing_vault_entries(conn: Connection, report_ids: Collection[str]) -> set[str]:
    """Return those of these reports that have no vault entry."""
    found = {row["report_id"] for row in await conn.fetch(SELECT_VAULT_ENTRIES, list(report_ids))}
    return set(report_ids) - found


async def missing_photo_rows(conn: Connection, refs: Collection[str]) -> set[str]:
    """Return those of these photos that have no row."""
    return set(refs) - {row["ref"] for row in await conn.fetch(SELECT_PHOTOS, list(refs))}


async def next_offsets(conn: Connection, schema: str, topic: str) -> dict[int, int]:
    """Return the next offset that a service will apply, by partition."""
    return {
        row["partition"]: row["next_offset"] for row in await conn.fetch(SELECT_POSITIONS.format(schema=schema), topic)
    }


async def relayed_seqs(conn: Connection, schema: str) -> dict[tuple[str, str, int], int]:
    """Return, by lane, the number of the last message that Kafka has acknowledged."""
    rows = await conn.fetch(SELECT_RELAYED.format(schema=schema))
    return {(row["consumer"], row["topic"], row["partition"]): row["relayed_seq"] for row in rows}
