"""Kept halts: why a consumer must not run, until somebody has looked and lifts it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from paidan_chassis.consumer.positions import LOG_END, LOG_START
from paidan_chassis.consumer.records import Lane
from paidan_chassis.database import Connection

Anchor = Literal["kept", "start", "end"]
"""Where a lane goes on after a halt: where it stood, at the log's first record, or behind its last."""


@dataclass(frozen=True, slots=True)
class KeptHalt:
    """A halt that stands."""

    consumer: str
    reason: str
    detail: str
    halted_at: datetime


STANDING: Final = """
    SELECT consumer, reason, detail, halted_at
      FROM halt
     WHERE resumed_at IS NULL
       AND consumer = coalesce($1, consumer)
     ORDER BY halted_at
"""


async def standing(conn: Connection, consumer: str | None = None) -> Sequence[KeptHalt]:
    """Read the halts that stand, of one consumer or of all in this schema."""
    rows = await conn.fetch(STANDING, consumer)
    return [KeptHalt(row["consumer"], row["reason"], row["detail"], row["halted_at"]) for row in rows]


KEEP: Final = """
    INSERT INTO halt (consumer, reason, detail)
    VALUES ($1, $2, $3)
    ON CONFLICT (consumer) WHERE resumed_at IS NULL DO NOTHING
"""


async def keep(conn: Connection, consumer: str, reason: str, detail: str) -> None:
    """Keep a halt; one that stands already stays as it is, for it was the first."""
    await conn.execute(KEEP, consumer, reason, detail)


LIFT: Final = """
    UPDATE halt
       SET resumed_at = clock_timestamp()
     WHERE resumed_at IS NULL
       AND consumer = coalesce($1, consumer)
 RETURNING consumer
"""
REANCHOR: Final = """
    UPDATE lane
       SET cluster_id = NULL,
           topic_id = NULL,
           next_offset = coalesce($2, next_offset)
     WHERE consumer = ANY($1::text[])
"""
PLACE: Final = """
    UPDATE lane
       SET next_offset = $4
     WHERE consumer = ANY($1::text[])
       AND topic = $2
       AND partition = $3
"""
_PLACES: Final[Mapping[Anchor, int | None]] = {"kept": None, "start": LOG_START, "end": LOG_END}


async def resume(
    conn: Connection, consumer: str | None = None, *, anchor: Anchor = "kept", offsets: Mapping[Lane, int] | None = None
) -> int:
    """Lift halts, of one consumer or of all in this schema; tells how many.

    ``kept`` trusts the stored offset and only what the log *is* (cluster and topic ids) is learned anew; ``start`` and
    ``end`` go to where the log begins or ends at the next start; ``offsets`` name the place for single lanes.
    The dead-letter limit counts from here. Numbers of what the lanes said go on where they stood.
    """
    async with conn.transaction():
        lifted = [row["consumer"] for row in await conn.fetch(LIFT, consumer)]
        await conn.execute(REANCHOR, lifted, _PLACES[anchor])
        for lane, offset in (offsets or {}).items():
            await conn.execute(PLACE, lifted, lane.topic, lane.partition, offset)
    return len(lifted)
