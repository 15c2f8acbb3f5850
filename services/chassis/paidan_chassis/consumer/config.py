"""What a consumer reads, how fast, and the numbers it shows. No behaviour here."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from paidan_chassis.clock import real_now
from paidan_chassis.consumer.records import Lane
from paidan_chassis.encryption import Cipher
from paidan_chassis.kafka.producer import MAX_VALUE_BYTES


@dataclass(frozen=True, slots=True)
class ConsumerTuning:
    """How a consumer takes, waits and gives up. The defaults are what was measured best."""

    max_records: int = 1000
    poll_timeout_ms: int = 5
    min_batch_interval_s: float = 0.010
    fetch_wait_ms: int = 0
    """So long Kafka may hold records back to hand over more at once: for what nobody waits for."""
    session_timeout_ms: int = 6000
    max_message_bytes: int = MAX_VALUE_BYTES
    dead_letter_limit: int = 100
    """So many dead letters within an hour (or since the last resume) halt the consumer."""
    backlog_limit: int = 20_000
    """So many messages may wait for Kafka before no further batch is taken."""
    lock_wait_s: float = 2.0
    """So long another session may hold a lane's row before it is terminated."""
    compare_interval_s: float = 3.0
    """So often what is remembered of all lanes is held against their rows, for those that no batch comes to."""
    stalls_after_s: float = 60.0
    stop_within_s: float = 8.0


def _ignore(_lanes: Collection[Lane]) -> None:
    """Nobody asked to hear of it."""


DEFAULT_TUNING: Final = ConsumerTuning()


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a consumer reads: these topics, and every topic whose name starts with one of the prefixes, new ones too.

    ``name`` is the consumer group and the first part of each message's ``ce_origin``; it must never change. Topics are
    named without the installation's prefix. ``cipher`` seals what is set aside. ``gained`` and ``lost`` are called on
    the loop and must not wait.
    """

    name: str
    topics: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    tuning: ConsumerTuning = DEFAULT_TUNING
    on_assigned: Callable[[Collection[Lane]], None] = _ignore
    on_revoked: Callable[[Collection[Lane]], None] = _ignore
    cipher: Cipher = field(kw_only=True)


@dataclass(slots=True)
class LaneMetrics:
    """Where one lane stands."""

    next_offset: int = 0
    lag_records: int = 0
    lag_s: float = 0.0
    """While there is any lag: how long ago the broker appended the newest record applied; else 0."""
    outbox_backlog: int = 0
    """Messages stored and not yet acknowledged by Kafka."""
    has_caught_up: bool = False


@dataclass(slots=True)
class ConsumerMetrics:
    """What one consumer has done since it started, and where its lanes stand."""

    lanes: dict[Lane, LaneMetrics] = field(default_factory=dict)
    batches: int = 0
    records: int = 0
    relayed: int = 0
    dead_letters: int = 0
    rebuilds: int = 0
    """Producers rebuilt."""
    retries: int = 0
    """Batches rolled back and tried again."""
    fenced: int = 0
    """Times somebody else was found to have moved a lane."""
    terminated: int = 0
    """Sessions of other owners terminated because they held a lane's row and did nothing."""
    gaps: int = 0
    """Times records were missing from the log between the position and what came."""
    rebalances: int = 0
    started_at: datetime = field(default_factory=real_now)
