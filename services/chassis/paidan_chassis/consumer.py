"""The fenced batch consumer: what a service builds, enters and runs. The parts are in the modules beside it."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Self

from asyncpg import Pool

from paidan_chassis.kafka import Kafka
from paidan_chassis.producer import Publisher
from paidan_chassis.records import Lane, Message
from paidan_chassis.work import Handler


@dataclass(frozen=True, slots=True)
class Pace:
    """How a consumer takes, waits and gives up. The defaults are what was measured best."""

    max_records: int = 1000
    poll_ms: int = 5
    busy_interval_s: float = 0.010
    session_timeout_ms: int = 6000
    largest_message: int = 1_000_000
    dead_letter_limit: int = 100
    """So many dead letters within an hour (or since the last resume) halt the consumer."""
    backlog_limit: int = 20_000
    """So many messages may wait for Kafka before no further batch is taken."""
    lock_wait_s: float = 2.0
    """So long another session may hold a lane's row before it is terminated."""
    stalls_after_s: float = 60.0
    stop_within_s: float = 8.0


def _unheard(_lanes: Collection[Lane]) -> None:
    """Nobody asked to hear of it."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a consumer reads: these topics, and every topic whose name starts with one of the prefixes, new ones too.

    ``name`` is the consumer group and the first part of each message's ``ce_origin``; it must never change. Topics are
    named without the installation's prefix. ``gained`` and ``lost`` are called on the loop and must not wait.
    """

    name: str
    topics: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    pace: Pace = Pace()
    gained: Callable[[Collection[Lane]], None] = _unheard
    lost: Callable[[Collection[Lane]], None] = _unheard


@dataclass(slots=True)
class LaneFigures:
    """Where one lane stands."""

    lag_records: int = 0
    lag_s: float = 0.0
    """Age of the newest record applied, by the broker's clock, while there is any lag; else 0."""
    outbox_backlog: int = 0
    """Messages stored and not yet acknowledged by Kafka."""
    next_offset: int = 0
    caught_up: bool = False


class LaneConsumer:
    """Applies every record of its inputs once to PostgreSQL, and says what follows at least once, in order.

    The pool's connections must have the service's schema first on their ``search_path``; one is held throughout.

        reading = Subscription("loans", topics=("library.loans",))
        async with LaneConsumer(reading, handler, kafka=kafka, pool=pool) as lanes:
            await lanes.run(stop)

    Entering raises ``Halted`` when a halt is kept. Leaving stops gracefully: no new batch, the one in hand finished,
    what it said relayed, positions noted, within ``pace.stop_within_s``.
    """

    def __init__(
        self,
        reading: Subscription,
        handler: Handler,
        *,
        kafka: Kafka,
        pool: Pool,
        publisher: Publisher | None = None,
    ) -> None:
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        raise NotImplementedError

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        raise NotImplementedError

    async def run(self, stop: asyncio.Event) -> None:
        """Wait until told to stop, or until the consumer ends itself: raises ``Halted``, ``Stalled`` or the bug."""
        raise NotImplementedError

    def lanes(self) -> Collection[Lane]:
        """Name the lanes that are this process's own now, with their positions read from the database."""
        raise NotImplementedError

    def caught_up(self, lane: Lane) -> bool:
        """Tell whether the lane is ours and has reached the end of the log that was seen when it was assigned."""
        raise NotImplementedError

    async def forward(self, messages: Sequence[Message]) -> None:
        """Append messages that need no number (timers, what a desk passes on); returns when Kafka has them all.

        Raises ``Unacknowledged`` otherwise; ids of their own must make a repeat harmless.
        """
        raise NotImplementedError

    def figures(self) -> "ConsumerFigures":
        """Give the numbers that metrics and health show."""
        raise NotImplementedError


@dataclass(slots=True)
class ConsumerFigures:
    """What one consumer has done since it started, and where its lanes stand."""

    lanes: dict[Lane, LaneFigures]
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
    gaps: int = 0
    """Times records were missing from the log between the position and what came."""
    idle_since: datetime | None = None
    last_commit_age_s: float = 0.0
    last_poll_age_s: float = 0.0


Forward = Callable[[Sequence[Message]], Awaitable[None]]
