"""One batch inside its one transaction, as a handler sees it. No broker here, and no commit: that is the consumer's."""

from collections import Counter
from collections.abc import Sequence
from typing import Protocol, TypeAlias

from paidan_chassis.consumer.errors import PoisonRecord
from paidan_chassis.consumer.records import Message, Record
from paidan_chassis.database import Connection

DeadLetter: TypeAlias = tuple[Record, str, str]
"""A record that turned out to be poison, the reason for machines, and the detail."""


class Batch:
    """The records of one batch and what is to be said because of them.

    ``records`` are new (never applied before, by anybody) and per lane contiguous in offset order; lanes follow each
    other. ``conn`` stands inside the batch's transaction: what is written there, the positions and the outbox commit
    together or not at all. Savepoints (``conn.transaction()``) are allowed.
    """

    __slots__ = ("conn", "counts", "dead_letters", "max_message_bytes", "messages", "records", "rejected")

    def __init__(
        self,
        conn: Connection,
        records: Sequence[Record],
        *,
        max_message_bytes: int,
        rejected: Sequence[DeadLetter] = (),
    ) -> None:
        self.conn = conn
        self.records = records
        self.rejected = rejected
        """Records of this batch that the consumer itself sets aside, with its reason: not among ``records``.

        They are buried already; a handler that owes somebody an answer may say what became of them."""
        self.max_message_bytes = max_message_bytes
        self.counts: Counter[str] = Counter()
        """The service's own words (opened, merged, refused...) for the batch's canonical log line."""
        self.messages: list[tuple[Record, Message]] = []
        self.dead_letters: list[tuple[Record, str, str]] = []

    def emit(self, cause: Record, message: Message) -> None:
        """Say this because of that record: numbered in the cause's lane, stored with the batch, relayed after commit.

        Messages are numbered by the offset of their cause, then in the order they were emitted, so that where Kafka
        cut the batch never shows. One too large for the broker makes its cause a dead letter (``Poison``).
        """
        if len(message.value) > self.max_message_bytes:
            raise PoisonRecord(cause, "too_large", f"{len(message.value)} bytes for {message.topic}")
        self.messages.append((cause, message))

    def dead_letter(self, cause: Record, reason: str, detail: str = "") -> None:
        """Set a record aside for good: kept with all its bytes in this schema, announced without them.

        ``reason`` is a word for machines; ``detail`` names the field and never quotes a value.
        What was emitted because of the record stays said.
        """
        self.dead_letters.append((cause, reason, detail))


class Handler(Protocol):
    """What a service does with a batch. It decides and writes; it does not wait for anything but PostgreSQL.

    ``apply`` may run several times for the same records (after a rollback, with a part of the batch, without a record
    that turned out to be poison), always after ``forget`` when something was rolled back. It may raise ``Poison``,
    ``Halt``, or let an error of PostgreSQL escape: errors of data are narrowed down to the record at fault, an outage
    is waited out. Anything else is a bug and ends the process.
    """

    async def apply(self, batch: Batch) -> None:
        """Apply every record of the batch, in order."""

    def clear_cache(self) -> None:
        """Drop whatever is cached of the database: a rollback, another owner or a restored copy made it doubtful."""
