"""The fenced batch consumer: what a service builds, enters and runs. Its parts are in the modules beside it."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from types import TracebackType
from typing import Final, Self

from paidan_chassis.consumer import halts
from paidan_chassis.consumer.batch import Handler
from paidan_chassis.consumer.batch_runner import SERVER_FAULTS, Settling, is_outage
from paidan_chassis.consumer.config import (
    ConsumerFigures,
    LaneFigures,
    Pace,
    Subscription,
)
from paidan_chassis.consumer.connection import Session
from paidan_chassis.consumer.consumer_metrics import Shown
from paidan_chassis.consumer.errors import Halt, Halted
from paidan_chassis.consumer.fence import Fence
from paidan_chassis.consumer.housekeeping import Tending
from paidan_chassis.consumer.parts import Parts
from paidan_chassis.consumer.rebalance import Ownership
from paidan_chassis.consumer.records import Lane, Message
from paidan_chassis.consumer.relay import Carrier, Relay
from paidan_chassis.consumer.subscriber import Batch, Source
from paidan_chassis.consumer.takeover import Anchoring
from paidan_chassis.consumer.watchdog import Watching
from paidan_chassis.database import Pool
from paidan_chassis.kafka.cluster import DEAD_LETTERS, Kafka
from paidan_chassis.kafka.producer import Publisher
from paidan_chassis.observability.health import Progress
from paidan_chassis.observability.logs import logger

__all__ = ["ConsumerFigures", "LaneConsumer", "LaneFigures", "Pace", "Subscription"]

_RELAY_AT_REVOKE_S: Final = 2.0
_LEFT_WITHIN_S: Final = 2.0
_BETWEEN_STARTS_S: Final = 0.5
_LONGEST_REST_S: Final = 0.010


class LaneConsumer:
    """Applies every record of its inputs once to PostgreSQL, and says what follows at least once, in order.

    The pool's connections must have the service's schema first on their ``search_path``; one is held throughout.

        reading = Subscription("loans", topics=("library.loans",), cipher=settings.cipher())
        async with LaneConsumer(reading, handler, kafka=kafka, pool=pool) as lanes:
            await lanes.run(stop)

    Entering raises ``Halted`` when a halt is kept. ``carrier`` takes the publisher's place under the relay.
    """

    def __init__(
        self,
        reading: Subscription,
        handler: Handler,
        *,
        kafka: Kafka,
        pool: Pool,
        carrier: Carrier | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.publisher = Publisher(kafka, client_id=reading.name)
        log = logger(consumer=reading.name)
        session = Session(pool, log, lock_wait_s=reading.pace.lock_wait_s)
        relay = Relay(reading.name, carrier or self.publisher, log)
        ownership = Ownership(log, let_go=self._let_go, fail=self._fail)
        self._parts = Parts(
            reading=reading,
            handler=handler,
            session=session,
            relay=relay,
            fence=Fence(reading, handler, session, relay),
            anchoring=Anchoring(reading.name, kafka, self.publisher.topology),
            ownership=ownership,
            source=Source(reading, kafka, take=self._take, listener=ownership),
            figures=ConsumerFigures(),
            log=log,
            progress=progress,
        )
        self._settling = Settling(self._parts)
        self._tending = Tending(self._parts, self._settling)
        self._watching = Watching(self._parts, self._settling)
        if progress:
            progress.shows(Shown(reading.name, self.figures))
        self._failure: BaseException | None = None
        self._ended = asyncio.Event()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._parts.session.discard()
        await self.publisher.__aexit__(kind, error, trace)

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until told to stop, or until the consumer ends itself: raises ``Halted``, ``Stalled`` or the bug.

        Stopping is graceful: no new batch, the one in hand finished, what it said relayed, positions noted, within
        ``pace.stop_within_s``. Raises ``Halted`` at once when a halt is kept.
        """
        loops = (self._join, self._parts.relay.run, self._tending.run, self._watching.run, lambda: self._heed(stop))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._guarded(each)) for each in loops]
            try:
                await self._ended.wait()
                if self._failure is None:
                    await self._wind_down()
            finally:
                for task in tasks:
                    task.cancel()
                await self._leave()
        if isinstance(self._failure, Halt):
            raise await self._kept(self._failure) from self._failure
        if self._failure is not None:
            raise self._failure

    def lanes(self) -> Collection[Lane]:
        """Name the lanes that are this process's own now, with their positions read from the database."""
        return self._parts.fence.stands.keys()

    def caught_up(self, lane: Lane) -> bool:
        """Tell whether the lane is ours and has reached the end of the log that was seen when it was taken over."""
        stand = self._parts.fence.stands.get(lane)
        return stand is not None and stand.caught_up

    async def forward(self, messages: Sequence[Message]) -> None:
        """Append messages that need no number (timers, what a desk passes on); returns when Kafka has them all.

        Raises ``Unacknowledged`` otherwise; ids of their own must make a repeat harmless.
        """
        await self.publisher.send(messages)

    def figures(self) -> ConsumerFigures:
        """Give the numbers that metrics and health show."""
        figures = self._parts.figures
        figures.relayed = self._parts.relay.relayed
        figures.rebuilds = self.publisher.rebuilds
        figures.terminated = self._parts.session.terminated
        figures.rebalances = self._parts.ownership.epoch
        return figures

    async def _join(self) -> None:
        await self._patiently(self._refuse_if_halted)
        await self._patiently(lambda: self.publisher.topology.ensure([*self._parts.reading.topics, DEAD_LETTERS]))
        await self._patiently(self._parts.source.start)

    async def _refuse_if_halted(self) -> None:
        async with self._parts.session.aside() as conn:
            for halt in await halts.standing(conn, self._parts.reading.name):
                raise Halted(halt.consumer, halt.reason, halt.detail)

    async def _patiently(self, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except SERVER_FAULTS as error:
                if not is_outage(error):
                    raise
                self._parts.log.warning("start_delayed", fault=type(error).__name__)
                self._settling.held_up(error)
            else:
                self._settling.outage = None
                return
            await asyncio.sleep(_BETWEEN_STARTS_S)

    async def _heed(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._ended.set()

    async def _guarded(self, loop: Callable[[], Awaitable[None]]) -> None:
        try:
            await loop()
        except Exception as error:  # noqa: BLE001 - it is raised again by run(), in order
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        # The first failure is the cause; others follow from it.
        self._failure = self._failure or error
        self._ended.set()

    async def _take(self, batch: Batch) -> None:
        """Take a poll. FastStream swallows what a handler raises and reads on, so nothing is raised here."""
        started, began = time.perf_counter(), time.monotonic()
        try:
            async with self._parts.ownership.turn:
                if not self._ended.is_set():
                    await self._apply(batch, started)
        except Exception as error:  # noqa: BLE001 - it is raised again by run(), in order
            self._fail(error)
        if self._ended.is_set():
            await asyncio.Event().wait()  # whoever asked for the next poll is cancelled when the group is left
        await self._parts.relay.below(self._parts.reading.pace.backlog_limit)
        if len(batch) < self._parts.reading.pace.max_records:
            took_s, least_s = time.monotonic() - began, self._parts.reading.pace.busy_interval_s
            # A rest that grows with the work lets the next batch grow where batches are dear: overload mends itself.
            await asyncio.sleep(max(least_s - took_s, min(took_s / 3, _LONGEST_REST_S)))

    async def _apply(self, batch: Batch, started: float) -> None:
        owned = self._parts.source.owned()
        records = self._parts.source.records(batch)
        if not all(lane in owned for lane in {record.lane for record in records}):
            records = [record for record in records if record.lane in owned]
        if records:
            await self._settling.settle(records)
            self._tending.batch_done()

    async def _let_go(self) -> None:
        """Give the relay a moment to get through, then leave the lanes to whoever gets them."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_RELAY_AT_REVOKE_S):
                await self._parts.relay.below(0)
        lanes = list(self._parts.fence.stands)
        self._parts.relay.drop(lanes)
        self._parts.fence.stands.clear()
        self._parts.handler.forget()
        self._parts.reading.lost(lanes)

    async def _wind_down(self) -> None:
        self._parts.ownership.close()
        with contextlib.suppress(TimeoutError, *SERVER_FAULTS):
            async with asyncio.timeout(self._parts.reading.pace.stop_within_s - _LEFT_WITHIN_S):
                async with self._parts.ownership.turn:
                    pass  # the batch in hand is through, and no other begins once we have ended
                await self._parts.relay.below(0)
                await self._tending.note_relayed()
                await self._tending.commit_lazily()

    async def _leave(self) -> None:
        with contextlib.suppress(TimeoutError, *SERVER_FAULTS):
            async with asyncio.timeout(_LEFT_WITHIN_S):
                await self._parts.source.stop()

    async def _kept(self, halt: Halt) -> Halted:
        name = self._parts.reading.name
        try:
            async with self._parts.session.aside() as conn:
                await halts.keep(conn, name, halt.reason, halt.detail)
        except SERVER_FAULTS as error:
            self._parts.log.exception("halt_not_kept", fault=type(error).__name__)
        self._parts.log.error("halted", reason=halt.reason, detail=halt.detail)
        return Halted(name, halt.reason, halt.detail)
