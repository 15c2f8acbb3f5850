"""Kept halts: why a consumer must not run, until somebody has looked and lifts it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from asyncpg import Connection

from paidan_chassis.records import Lane

Anchor = Literal["kept", "start", "end"]
"""Where a lane goes on after a halt: where it stood, at the log's first record, or behind its last."""


@dataclass(frozen=True, slots=True)
class KeptHalt:
    """A halt that stands."""

    consumer: str
    reason: str
    detail: str
    halted_at: datetime


async def standing(conn: Connection, consumer: str | None = None) -> Sequence[KeptHalt]:
    """Read the halts that stand, of one consumer or of all in this schema."""
    raise NotImplementedError


async def resume(
    conn: Connection, consumer: str | None = None, *, anchor: Anchor = "kept", offsets: Mapping[Lane, int] | None = None
) -> int:
    """Lift halts, of one consumer or of all in this schema; tells how many.

    ``kept`` trusts the stored offset and only what the log *is* (cluster and topic ids) is learned anew; ``start`` and
    ``end`` go to where the log begins or ends at the next start; ``offsets`` name the place for single lanes.
    The dead-letter limit counts from here.
    """
    raise NotImplementedError
