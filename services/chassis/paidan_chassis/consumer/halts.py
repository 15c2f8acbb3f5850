"""Recorded halts: why a consumer must not run until an operator resumes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from paidan_chassis.consumer.batch import Lane
from paidan_chassis.consumer.positions import LOG_END, LOG_START
from paidan_chassis.database import Connection

ResumeFrom = Literal["kept", "start", "end"]
"""Where lanes resume after a halt: at the stored offset, the log's first record, or its end."""


@dataclass(frozen=True, slots=True)
class RecordedHalt:
    """A halt as stored; nobody has resumed it as long as it is open."""

    consumer: str
    reason: str
    detail: str
    halted_at: datetime
    halt_id: int


SELECT_OPEN_HALTS: Final = """
    SELECT consumer, reason, detail, halted_at, halt_id
      FROM halt
     WHERE resumed_at IS NULL
       AND consumer = coalesce($1, consumer)
     ORDER BY halted_at
"""


async def open_halts(conn: Connection, consumer: str | None = None) -> Sequence[RecordedHalt]:
    """Return the open halts of one consumer, or of all in this schema."""
    rows = await conn.fetch(SELECT_OPEN_HALTS, consumer)
    return [RecordedHalt(**dict(row)) for row in rows]


SELECT_HALT: Final = """
    SELECT consumer, reason, detail, halted_at, halt_id
      FROM halt
     WHERE halt_id = $1
"""


async def find(conn: Connection, halt_id: int) -> RecordedHalt | None:
    """Return a halt, open or lifted."""
    row = await conn.fetchrow(SELECT_HALT, halt_id)
    return RecordedHalt(**dict(row)) if row else None


INSERT_HALT: Final = """
    INSERT INTO halt (consumer, reason, detail)
    VALUES ($1, $2, $3)
    ON CONFLICT (consumer) WHERE resumed_at IS NULL DO NOTHING
"""


async def record(conn: Connection, consumer: str, reason: str, detail: str) -> None:
    """Store a halt, unless one is open already: the first is the cause."""
    await conn.execute(INSERT_HALT, consumer, reason, detail)


MARK_RESUMED: Final = """
    UPDATE halt
       SET resumed_at = clock_timestamp()
     WHERE resumed_at IS NULL
       AND consumer = coalesce($1, consumer)
       AND halt_id = coalesce($2, halt_id)
 RETURNING consumer
"""
# In the order in which owners lock them, so that neither deadlocks: another process of this consumer may still run.
LOCK_LANES: Final = """
    SELECT topic, partition
      FROM lane
     WHERE consumer = ANY($1::text[])
     ORDER BY consumer, topic, partition
       FOR UPDATE
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
    halt_id: int | None = None,
) -> int:
    """Resume one consumer, or all in this schema, and return the number of halts that were lifted.

    With ``halt_id`` only that halt is lifted, and none that was recorded after it.

    ``kept`` trusts the stored offsets and accepts the log's present cluster and topic ids; ``start`` and ``end`` resume
    at the log's first offset or its end as of the next start; ``offsets`` sets single lanes. The dead-letter limit
    counts from now on. Sequence numbers continue.
    """
    async with conn.transaction():
        resumed = [row["consumer"] for row in await conn.fetch(MARK_RESUMED, consumer, halt_id)]
        await conn.execute(LOCK_LANES, resumed)
        await conn.execute(RESET_LOG_IDS, resumed, _RESUME_OFFSETS[resume_from])
        for lane, offset in (offsets or {}).items():
            await conn.execute(SET_NEXT_OFFSET, resumed, lane.topic, lane.partition, offset)
    return len(resumed)
