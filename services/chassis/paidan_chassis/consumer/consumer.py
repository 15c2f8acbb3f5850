"""The fenced batch consumer: what a service builds, enters and runs. Its parts are in the modules beside it."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from types import TracebackType
from typing import Final, Self

from paidan_chassis.consumer import halts
from paidan_chassis.consumer.batch import Handler
from paidan_chassis.consumer.batch_runner import SERVER_ERRORS, BatchRunner, is_outage
from paidan_chassis.consumer.config import (
    ConsumerMetrics,
    ConsumerTuning,
    LaneMetrics,
    Subscription,
)
from paidan_chassis.consumer.connection import HeldConnection
from paidan_chassis.consumer.consumer_metrics import ConsumerCollector
from paidan_chassis.consumer.errors import Halt, Halted
from paidan_chassis.consumer.fence import FencedTransaction
from paidan_chassis.consumer.housekeeping import Housekeeping
from paidan_chassis.consumer.parts import ConsumerParts
from paidan_chassis.consumer.rebalance import RebalanceListener
from paidan_chassis.consumer.records import Lane, Message
from paidan_chassis.consumer.relay import RecordSender, Relay
from paidan_chassis.consumer.subscriber import GroupSubscriber, PolledRecords
from paidan_chassis.consumer.takeover import LaneTakeover
from paidan_chassis.consumer.watchdog import Watchdog
from paidan_chassis.database import Pool
from paidan_chassis.kafka.cluster import DEAD_LETTERS, KafkaCluster
from paidan_chassis.kafka.producer import Publisher
from paidan_chassis.observability.health import LoopProgress
from paidan_chassis.observability.logs import get_logger

__all__ = ["ConsumerMetrics", "ConsumerTuning", "LaneConsumer", "LaneMetrics", "Subscription"]

_REVOKE_RELAY_TIMEOUT_S: Final = 2.0
_LEAVE_TIMEOUT_S: Final = 2.0
_START_RETRY_PAUSE_S: Final = 0.5
_MAX_IDLE_S: Final = 0.010


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
        subscription: Subscription,
        handler: Handler,
        *,
        kafka: KafkaCluster,
        pool: Pool,
        sender: RecordSender | None = None,
        progress: LoopProgress | None = None,
    ) -> None:
        self.publisher = Publisher(kafka, client_id=subscription.name)
        log = get_logger(consumer=subscription.name)
        connection = HeldConnection(pool, log, lock_wait_s=subscription.tuning.lock_wait_s)
        relay = Relay(subscription.name, sender or self.publisher, log)
        rebalance = RebalanceListener(log, on_revoked=self._release_lanes, on_failure=self._fail)
        self._parts = ConsumerParts(
            subscription=subscription,
            handler=handler,
            connection=connection,
            relay=relay,
            transaction=FencedTransaction(subscription, handler, connection, relay),
            takeover=LaneTakeover(subscription.name, kafka, self.publisher.topic_admin),
            rebalance=rebalance,
            subscriber=GroupSubscriber(subscription, kafka, on_batch=self._on_batch, listener=rebalance),
            metrics=ConsumerMetrics(),
            log=log,
            progress=progress,
        )
        self._batch_runner = BatchRunner(self._parts)
        self._housekeeping = Housekeeping(self._parts, self._batch_runner)
        self._watchdog = Watchdog(self._parts, self._batch_runner)
        if progress:
            progress.on_collect(ConsumerCollector(subscription.name, self.metrics))
        self._failure: BaseException | None = None
        self._stopping = asyncio.Event()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._parts.connection.discard()
        await self.publisher.__aexit__(error_type, error, traceback)

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until told to stop, or until the consumer ends itself: raises ``Halted``, ``Stalled`` or the bug.

        Stopping is graceful: no new batch, the one in hand finished, what it said relayed, positions noted, within
        ``pace.stop_within_s``. Raises ``Halted`` at once when a halt is kept.
        """
        loops = (
            self._join_group,
            self._parts.relay.run,
            self._housekeeping.run,
            self._watchdog.run,
            lambda: self._wait_for_stop(stop),
        )
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._run_guarded(each)) for each in loops]
            try:
                await self._stopping.wait()
                if self._failure is None:
                    await self._shut_down()
            finally:
                for task in tasks:
                    task.cancel()
                await self._leave_group()
        if isinstance(self._failure, Halt):
            raise await self._record_halt(self._failure) from self._failure
        if self._failure is not None:
            raise self._failure

    def lanes(self) -> Collection[Lane]:
        """Name the lanes that are this process's own now, with their positions read from the database."""
        return self._parts.transaction.lanes.keys()

    def has_caught_up(self, lane: Lane) -> bool:
        """Tell whether the lane is ours and has reached the end of the log that was seen when it was taken over."""
        state = self._parts.transaction.lanes.get(lane)
        return state is not None and state.has_caught_up

    async def send_unsequenced(self, messages: Sequence[Message]) -> None:
        """Append messages that need no number (timers, what a desk passes on); returns when Kafka has them all.

        Raises ``Unacknowledged`` otherwise; ids of their own must make a repeat harmless.
        """
        await self.publisher.send(messages)

    def metrics(self) -> ConsumerMetrics:
        """Give the numbers that metrics and health show."""
        metrics = self._parts.metrics
        metrics.relayed = self._parts.relay.relayed
        metrics.rebuilds = self.publisher.rebuilds
        metrics.terminated = self._parts.connection.terminated
        metrics.rebalances = self._parts.rebalance.generation
        return metrics

    async def _join_group(self) -> None:
        await self._retry_until_up(self._raise_if_halted)
        await self._retry_until_up(
            lambda: self.publisher.topic_admin.ensure([*self._parts.subscription.topics, DEAD_LETTERS])
        )
        await self._retry_until_up(self._parts.subscriber.start)

    async def _raise_if_halted(self) -> None:
        async with self._parts.connection.extra_connection() as conn:
            for halt in await halts.open_halts(conn, self._parts.subscription.name):
                raise Halted(halt.consumer, halt.reason, halt.detail)

    async def _retry_until_up(self, operation: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await operation()
            except SERVER_ERRORS as error:
                if not is_outage(error):
                    raise
                self._parts.log.warning("start_delayed", fault=type(error).__name__)
                self._batch_runner.report_outage(error)
            else:
                self._batch_runner.outage = None
                return
            await asyncio.sleep(_START_RETRY_PAUSE_S)

    async def _wait_for_stop(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._stopping.set()

    async def _run_guarded(self, loop: Callable[[], Awaitable[None]]) -> None:
        try:
            await loop()
        except Exception as error:  # noqa: BLE001 - it is raised again by run(), in order
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        # The first failure is the cause; others follow from it.
        self._failure = self._failure or error
        self._stopping.set()

    async def _on_batch(self, polled: PolledRecords) -> None:
        """Take a poll. FastStream swallows what a handler raises and reads on, so nothing is raised here."""
        started, started_at = time.perf_counter(), time.monotonic()
        try:
            async with self._parts.rebalance.batch_lock:
                if not self._stopping.is_set():
                    await self._run_batch(polled, started)
        except Exception as error:  # noqa: BLE001 - it is raised again by run(), in order
            self._fail(error)
        if self._stopping.is_set():
            await asyncio.Event().wait()  # whoever asked for the next poll is cancelled when the group is left
        await self._parts.relay.wait_for_backlog(self._parts.subscription.tuning.backlog_limit)
        if len(polled) < self._parts.subscription.tuning.max_records:
            duration_s, min_interval_s = (
                time.monotonic() - started_at,
                self._parts.subscription.tuning.min_batch_interval_s,
            )
            # A rest that grows with the work lets the next batch grow where batches are dear: overload mends itself.
            await asyncio.sleep(max(min_interval_s - duration_s, min(duration_s / 3, _MAX_IDLE_S)))

    async def _run_batch(self, polled: PolledRecords, started: float) -> None:
        assigned = self._parts.subscriber.assigned_lanes()
        records = self._parts.subscriber.to_records(polled)
        if not all(lane in assigned for lane in {record.lane for record in records}):
            records = [record for record in records if record.lane in assigned]
        if records:
            await self._batch_runner.run(records)
            self._housekeeping.record_batch_done()

    async def _release_lanes(self) -> None:
        """Give the relay a moment to get through, then leave the lanes to whoever gets them."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_REVOKE_RELAY_TIMEOUT_S):
                await self._parts.relay.wait_for_backlog(0)
        lanes = list(self._parts.transaction.lanes)
        self._parts.relay.drop(lanes)
        self._parts.transaction.lanes.clear()
        self._parts.handler.clear_cache()
        self._parts.subscription.on_revoked(lanes)

    async def _shut_down(self) -> None:
        self._parts.rebalance.close()
        with contextlib.suppress(TimeoutError, *SERVER_ERRORS):
            async with asyncio.timeout(self._parts.subscription.tuning.stop_within_s - _LEAVE_TIMEOUT_S):
                async with self._parts.rebalance.batch_lock:
                    pass  # the batch in hand is through, and no other begins once we have ended
                await self._parts.relay.wait_for_backlog(0)
                await self._housekeeping.save_relay_progress()
                await self._housekeeping.commit_kafka_offsets()

    async def _leave_group(self) -> None:
        with contextlib.suppress(TimeoutError, *SERVER_ERRORS):
            async with asyncio.timeout(_LEAVE_TIMEOUT_S):
                await self._parts.subscriber.stop()

    async def _record_halt(self, halt: Halt) -> Halted:
        name = self._parts.subscription.name
        try:
            async with self._parts.connection.extra_connection() as conn:
                await halts.record(conn, name, halt.reason, halt.detail)
        except SERVER_ERRORS as error:
            self._parts.log.exception("halt_not_kept", fault=type(error).__name__)
        self._parts.log.error("halted", reason=halt.reason, detail=halt.detail)
        return Halted(name, halt.reason, halt.detail)
