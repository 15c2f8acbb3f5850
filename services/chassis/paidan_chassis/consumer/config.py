"""The configuration of a consumer: its subscription and its tuning."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from paidan_chassis.consumer.batch import Lane, Record
from paidan_chassis.consumer.lane_state import LaneState
from paidan_chassis.database import IDLE_IN_TRANSACTION_S, Connection
from paidan_chassis.encryption import Cipher
from paidan_chassis.kafka.producer import MAX_VALUE_BYTES


@dataclass(frozen=True, slots=True)
class ConsumerTuning:
    """Batch sizes, waits and limits. The defaults were measured best."""

    max_records: int = 1000
    poll_timeout_ms: int = 100
    """How often a poll that finds no records begins anew; records end it at once."""
    min_batch_interval_s: float = 0.010
    max_gather_s: float = 0.0
    """How long batches may be apart under load, so that they are larger: by 5 ms for each record of the last one."""
    fetch_wait_ms: int = 0
    """How long Kafka may hold records back to return more at once: for work that nobody waits for."""
    session_timeout_ms: int = 6000
    max_message_bytes: int = MAX_VALUE_BYTES
    dead_letter_limit: int = 100
    """More dead letters than this within an hour halt the consumer, or set their sender aside (``Subscription``)."""
    backlog_limit: int = 20_000
    """While more messages than this are unacknowledged, no further batch runs."""
    lock_wait_s: float = 2.0
    """How long another session may hold a lane's row before it is terminated."""
    idle_in_transaction_s: float = IDLE_IN_TRANSACTION_S
    """After how long the pool's sessions are ended when they are idle in a transaction: while a handler computes."""
    compare_interval_s: float = 3.0
    """How often the state of all lanes is compared with their rows, for lanes without batches."""
    stalls_after_s: float = 60.0
    """How long a process may apply nothing while records wait; after half of it the consumer begins anew."""
    stop_within_s: float = 8.0


def _ignore(_lanes: Collection[Lane]) -> None:
    """Do nothing."""


async def _accept(_conn: Connection, _lanes: Mapping[Lane, LaneState]) -> None:
    """Accept all lanes."""


DEFAULT_TUNING: Final = ConsumerTuning()


@dataclass(frozen=True, slots=True)
class Subscription:
    """The topics a consumer reads: those named, and all whose names start with one of the prefixes, new ones too.

    ``name`` is the consumer group and the first part of each message's ``ce_origin``; it must never change. Topics are
    named without the installation's prefix. ``cipher`` encrypts dead letters. ``verify_lanes`` is called before lanes
    are taken over, also again after a restore of the database, and may raise ``Halt``. ``on_assigned`` and
    ``on_revoked`` are called on the event loop and must not block.
    """

    name: str
    topics: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    compacted_topics: frozenset[str] = frozenset()
    """Those of which records may be missing without a fault: a newer one of its key stands for each."""
    tuning: ConsumerTuning = DEFAULT_TUNING
    verify_lanes: Callable[[Connection, Mapping[Lane, LaneState]], Awaitable[None]] = _accept
    on_assigned: Callable[[Collection[Lane]], None] = _ignore
    on_revoked: Callable[[Collection[Lane]], None] = _ignore
    written_by_others: bool = False
    """Beyond the dead-letter limit, False halts the consumer: we write these topics, so a faulty deployment is likely.
    True sets aside the sender of the records: its habit stops nobody else (``senders``)."""
    principal_of: Callable[[Record], str | None] | None = None
    """Returns who was logged in to Kafka when a record was sent. Kafka itself tells no consumer."""
    cipher: Cipher = field(kw_only=True)
