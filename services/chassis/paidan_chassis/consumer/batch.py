"""The interface of a handler: records, the batch that it applies, and what it may add to the batch."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import Final, NamedTuple, Protocol, runtime_checkable

from paidan_chassis.consumer.writes import Write
from paidan_chassis.database import Connection
from paidan_chassis.errors import ChassisError
from paidan_chassis.kafka.message import Message

_PAUSE_INTERVAL_S: Final = 0.02
_KEEPALIVE_INTERVAL_S: Final = 1.0


class Lane(NamedTuple):
    """One partition of one input topic. Topics are named without the installation's prefix."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition}"


# Tuples, not dataclasses: a frozen dataclass costs 1 us more to make, and there is one of each for every record.
class Record(NamedTuple):
    """One record as the broker stores it, unparsed; its sender is unknown."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    appended_at: datetime
    """When the broker appended it (UTC, milliseconds); the topic must have ``message.timestamp.type=LogAppendTime``."""

    @property
    def lane(self) -> Lane:
        return Lane(self.topic, self.partition)


class DeadLetter(NamedTuple):
    """A record that can never be applied. ``reason`` is a machine-readable code; ``detail`` quotes no value of it."""

    record: Record
    reason: str
    detail: str = ""


class UntoldDeadLetter(DeadLetter):
    """One of which the handler is not told, because being told of it has ended a process, too."""


class PoisonRecord(ChassisError):
    """One record can never be applied: it alone becomes a dead letter, and the batch is applied again without it."""

    def __init__(self, record: Record, reason: str, detail: str = "") -> None:
        super().__init__(f"{record.lane}@{record.offset}: {reason}")
        self.dead_letter = DeadLetter(record, reason, detail)


@dataclass(slots=True)
class Batch:
    """The records of one transaction, and the messages and dead letters that the handler adds to it.

    ``records`` are new (never applied before, by anybody) and per lane contiguous in offset order, one lane after the
    other. ``conn`` is inside the batch's transaction: what the handler writes, the positions and the outbox commit
    together or not at all. Savepoints (``conn.transaction()``) are allowed. While a small batch is prepared there is no
    transaction yet: ``conn`` is for reading only.
    """

    conn: Connection
    records: Sequence[Record]
    max_message_bytes: int
    rejected: Sequence[DeadLetter] = ()
    """Records that the consumer itself dead-letters in this batch; they are not among ``records``.

    Nothing is left to do for them, but a handler that owes the sender an answer can record the outcome."""
    counts: Counter[str] = field(default_factory=Counter)
    """The service's own counts (opened, merged, refused...) for the batch's canonical log line."""
    messages: list[tuple[Record, Message]] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    is_session_busy: bool = False
    """Whether the handler has a statement under way, beside what it computes."""
    _paused_at: float = field(default_factory=monotonic)
    _last_statement_at: float = field(default_factory=monotonic)

    async def pause(self) -> None:
        """Let the event loop run others if that is due. Call it between records: the edge and heartbeats need turns.

        The transaction's session is kept from idling too long, which would end it.
        """
        now = monotonic()
        if now - self._paused_at > _PAUSE_INTERVAL_S:
            self._paused_at = now
            await asyncio.sleep(0)
            if not self.is_session_busy and now - self._last_statement_at > _KEEPALIVE_INTERVAL_S:
                self._last_statement_at = now
                await self.conn.execute("SELECT 1")

    def emit(self, cause: Record, message: Message) -> None:
        """Add a message to the outbox, numbered in its cause's lane and relayed after the commit.

        Messages are numbered by the offset of their cause, then in the order they were emitted, so the numbers do not
        depend on where Kafka cut the batch. One too large for the broker makes its cause a dead letter.
        """
        if len(message.value) > self.max_message_bytes:
            raise PoisonRecord(cause, "too_large", f"{len(message.value)} bytes for {message.topic}")
        self.messages.append((cause, message))

    def dead_letter(self, record: Record, reason: str, detail: str = "") -> None:
        """Dead-letter a record: stored whole in the service's schema, announced without its content.

        ``reason`` is a machine-readable code; ``detail`` names the field and never quotes a value. Messages already
        emitted because of the record are kept.
        """
        self.dead_letters.append(DeadLetter(record, reason, detail))


class Handler(Protocol):
    """A service's reaction to a batch: it decides and writes, and waits for nothing but PostgreSQL.

    ``apply`` may run several times for the same records (after a rollback, with a part of the batch, or without a
    poisonous record), always after ``clear_cache`` when something was rolled back. It may raise ``PoisonRecord``,
    ``Halt``, or an error of PostgreSQL: data errors are narrowed down to the record at fault, an outage is retried.
    Anything else is a bug and ends the process.
    """

    async def apply(self, batch: Batch) -> None:
        """Apply every record of the batch, in order."""

    def clear_cache(self) -> None:
        """Drop everything cached from the database: after a rollback, another owner or a restore it may be wrong."""


@runtime_checkable
class SmallBatchHandler(Handler, Protocol):
    """A handler that can say what it would write, so that fence and writes take one round trip instead of four."""

    async def prepare(self, batch: Batch) -> Sequence[Write] | None:
        """Decide on the batch and return what to write, having written nothing; None if ``apply`` must do it.

        The writes are sent as one statement, so none may depend on another. After None, ``apply`` follows
        ``clear_cache``.
        """
