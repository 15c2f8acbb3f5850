"""Kept halts: why a consumer must not run, until somebody has looked and lifts it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from paidan_chassis.consumer.positions import LOG_END, LOG_START
from paidan_chassis.consumer.records import Lane
from paidan_chassis.database import Connection

ResumeFrom = Literal["kept", "start", "end"]
"""Where a lane goes on after a halt: where it stood, at the log's first record, or behind its last."""


@dataclass(frozen=True, slots=True)
class OpenHalt:
    """A halt that stands."""

    consumer: str
    reason: str
    detail: str
    halted_at: datetime


SELECT_OPEN_HALTS: Final = """
    SELECT consumer, reason, detail, halted_at
      FROM halt
     WHERE resumed_at IS NULL
       AND consumer = coalesce($1, consumer)
     ORDER BY halted_at
"""


async def open_halts(conn: Connection, consumer: str | None = None) -> Sequence[OpenHalt]:
    """Read the halts that stand, of one consumer or of all in this schema."""
    rows = await conn.fetch(SELECT_OPEN_HALTS, consumer)
    return [OpenHalt(row["consumer"], row["reason"], row["detail"], row["halted_at"]) for row in rows]


INSERT_HALT: Final = """
    INSERT INTO halt (consumer, reason, detail)
    VALUES ($1, $2, $3)
    ON CONFLICT (consumer) WHERE resumed_at IS NULL DO NOTHING
"""


async def record(conn: Connection, consumer: str, reason: str, detail: str) -> None:
    """Keep a halt; one that stands already stays as it is, for it was the first."""
    await conn.execute(INSERT_HALT, consumer, reason, detail)


MARK_RESUMED: Final = """
    UPDATE halt
       SET resumed_at = clock_timestamp()
     WHERE resumed_at IS NULL
       AND consumer = coalesce($1, consumer)
 RETURNING consumer
"""
RESET_LOG_IDS: Final = """
    UPDATE lane
       SET cluster_id = NULL,
           topic_id = NULL,
           next_offset = coalesce($2, next_offset)
     WHERE consumer = ANY($1::text[])
"""
SET_NEXT_OFFSET: Final = """
    UPDATE lane
       SET next_offset = $4
     WHERE consumer = ANY($1::text[])
       AND topic = $2
       AND partition = $3
"""
_RESUME_OFFSETS: Final[Mapping[ResumeFrom, int | None]] = {"kept": None, "start": LOG_START, "end": LOG_END}


async def resume(
    conn: Connection,
    consumer: str | None = None,
    *,
    resume_from: ResumeFrom = "kept",
    offsets: Mapping[Lane, int] | None = None,
) -> int:
    """Lift halts, of one consumer or of all in this schema; tells how many.

    ``kept`` trusts the stored offset and only what the log *is* (cluster and topic ids) is learned anew; ``start`` and
    ``end`` go to where the log begins or ends at the next start; ``offsets`` name the place for single lanes.
    The dead-letter limit counts from here. Numbers of what the lanes said go on where they stood.
    """
    async with conn.transaction():
        resumed = [row["consumer"] for row in await conn.fetch(MARK_RESUMED, consumer)]
        await conn.execute(RESET_LOG_IDS, resumed, _RESUME_OFFSETS[resume_from])
        for lane, offset in (offsets or {}).items():
            await conn.execute(SET_NEXT_OFFSET, resumed, lane.topic, lane.partition, offset)
    return len(resumed)
