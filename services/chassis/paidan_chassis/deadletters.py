"""Records set aside: kept whole in the service's schema, announced by reference, put back by an operator."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from asyncpg import Connection

from paidan_chassis.producer import Publisher


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that was set aside. ``value`` and ``headers`` may hold personal data: show them to nobody unasked."""

    letter_id: UUID
    consumer: str
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    reason: str
    detail: str
    buried_at: datetime
    redriven_at: datetime | None


async def kept(conn: Connection, *, waiting_only: bool = True, limit: int = 100) -> Sequence[DeadLetter]:
    """Read dead letters, oldest first."""
    raise NotImplementedError


async def letter(conn: Connection, letter_id: UUID) -> DeadLetter | None:
    """Read one."""
    raise NotImplementedError


async def redrive(conn: Connection, publisher: Publisher, letter_ids: Sequence[UUID]) -> int:
    """Append the records again, as they were, to the topics they came from, then mark them; tells how many.

    A crash in between appends them twice, which the lane drops as it drops every repeat.
    """
    raise NotImplementedError
