"""One run of a consumer: it joins the group, applies batches until it is stopped or fails, and leaves the group."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

from paidan_chassis.consumer import halts
from paidan_chassis.consumer.batch import Handler
from paidan_chassis.consumer.batch_runner import BatchRunner
from paidan_chassis.consumer.config import Subscription
from paidan_chassis.consumer.connection import HeldConnection
from paidan_chassis.consumer.consumer_metrics import ConsumerMetrics
from paidan_chassis.consumer.dead_letter_counts import DeadLetterCounts
from paidan_chassis.consumer.errors import SERVER_ERRORS
from paidan_chassis.consumer.fence import Fence
from paidan_chassis.consumer.held_lanes import HeldLanes
from paidan_chassis.consumer.maintenance import Maintenance
from paidan_chassis.consumer.outages import OutageRetry
from paidan_chassis.consumer.outbox_chunks import ChunkWriter
from paidan_chassis.consumer.owned_lanes import LaneWriter, OwnedLanes
from paidan_chassis.consumer.ownership import LaneClaims
from paidan_chassis.consumer.rebalance import RebalanceListener
from paidan_chassis.consumer.recovery import LaneRecovery
from paidan_chassis.consumer.relay import RecordSender, Relay
from paidan_chassis.consumer.shutdown import Shutdown
from paidan_chassis.consumer.subscriber import GroupSubscriber
from paidan_chassis.consumer.takeover import LaneTakeover
from paidan_chassis.consumer.watchdog import Watchdog
from paidan_chassis.database import Pool
from paidan_chassis.errors import Halt, Halted
from paidan_chassis.kafka.cluster import DEAD_LETTERS, KafkaCluster
from paidan_chassis.kafka.producer import Publisher
from paidan_chassis.observability.health import LoopProgress
from paidan_chassis.observability.logs import Logger, get_logger

_REVOKE_RELAY_TIMEOUT_S: Final = 2.0
_LEAVE_TIMEOUT_S: Final = 2.0
_RELEASE_TIMEOUT_S: Final = 1.0


class ConsumerRun:
    """One run. It is used once: nothing in memory outlives it, so the next one starts from the database."""

    def __init__(  # noqa: PLR0913 - collaborators, passed by name
        self,
        subscription: Subscription,
        handler: Handler,
        *,
        kafka: KafkaCluster,
        pool: Pool,
        publisher: Publisher,
        sender: RecordSender | None,
        progress: LoopProgress | None,
    ) -> None:
        name, tuning = subscription.name, subscription.tuning
        self._publisher = publisher
        self._subscription = subscription
        self._handler = handler
        self._progress = progress
        self._log = log = get_logger(consumer=name)
        self._shutdown = shutdown = Shutdown()
        self.lanes = lanes = OwnedLanes()
        self._connection = connection = HeldConnection(pool, log, lock_wait_s=tuning.lock_wait_s)
        self._relay = relay = Relay(name, sender or publisher, log)
        self._rebalance = rebalance = RebalanceListener(log, on_revoked=self._release_lanes, on_failure=shutdown.fail)
        self._subscriber = subscriber = GroupSubscriber(subscription, kafka, listener=rebalance)
        held_lanes = HeldLanes(lanes, subscriber, log, progress)
        self._outages = outages = OutageRetry(
            handler=handler, connection=connection, rebalance=rebalance, log=log, progress=progress
        )
        self._claims = claims = LaneClaims(name, max_records=tuning.max_records)
        self._recovery, takeover, fence = _lane_access(
            subscription, handler, kafka=kafka, publisher=publisher, connection=connection, claims=claims, lanes=lanes,
            subscriber=subscriber, relay=relay, outages=outages, log=log,
        )  # fmt: skip
        self._batch_runner = batch_runner = BatchRunner(
            tuning=tuning, handler=handler, lanes=lanes, fence=fence, recovery=self._recovery,
            outages=outages, subscriber=subscriber, rebalance=rebalance, relay=relay, held_lanes=held_lanes,
            shutdown=shutdown, log=log, progress=progress, claims=claims, connection=connection,
        )  # fmt: skip
        self._dead_letter_counts = DeadLetterCounts(subscription)
        self._maintenance = Maintenance(
            subscription=subscription, lanes=lanes, recovery=self._recovery, connection=connection,
            subscriber=subscriber, rebalance=rebalance, relay=relay, batch_runner=batch_runner, log=log,
            dead_letter_counts=self._dead_letter_counts, held_lanes=held_lanes,
        )  # fmt: skip
        self._watchdog = Watchdog(
            subscription=subscription, lanes=lanes, takeover=takeover, subscriber=subscriber,
            rebalance=rebalance, relay=relay, outages=outages, batch_runner=batch_runner, progress=progress,
        )  # fmt: skip
        subscriber.deliver_to(batch_runner.on_batch)

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until ``stop`` is set; raises ``Halted``, ``Stalled`` or a bug."""
        loops = (
            self._join_group,
            self._relay.run,
            self._maintenance.run,
            self._watchdog.run,
            lambda: self._wait_for_stop(stop),
        )
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._run_guarded(each)) for each in loops]
                try:
                    await self._shutdown.requested.wait()
                    if self._shutdown.failure is None:
                        await self._stop_gracefully()
                finally:
                    for task in tasks:
                        task.cancel()
                    if self._ends_in_order():
                        await self._release_ownership()
                    await self._leave_group()
        finally:
            await self._connection.discard()
        failure = self._shutdown.failure
        if isinstance(failure, Halt):
            raise await self._record_halt(failure) from failure
        if failure is not None:
            raise failure

    def metrics(self) -> ConsumerMetrics:
        """Return this run's metrics as of now."""
        return ConsumerMetrics(
            lanes=self._watchdog.lane_metrics,
            batches=self._batch_runner.batches,
            records=self._batch_runner.records,
            relayed=self._relay.relayed,
            dead_letters=self._batch_runner.dead_letters,
            retries=self._outages.retries,
            fenced=self._recovery.fenced,
            terminated=self._connection.terminated,
            gaps=self._recovery.gaps,
            rebalances=self._rebalance.generation,
            dead_letter_counts=self._dead_letter_counts.current,
        )

    async def _join_group(self) -> None:
        topics = [*self._subscription.topics, DEAD_LETTERS]
        await self._outages.run_at_start(self._raise_if_halted)
        await self._outages.run_at_start(lambda: self._publisher.topic_admin.ensure(topics))
        await self._outages.run_at_start(self._subscriber.start)

    async def _raise_if_halted(self) -> None:
        async with self._connection.extra_connection() as conn:
            for halt in await halts.open_halts(conn, self._subscription.name):
                raise Halted(halt.consumer, halt.reason, halt.detail)

    async def _wait_for_stop(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._shutdown.request()

    async def _run_guarded(self, loop: Callable[[], Awaitable[None]]) -> None:
        try:
            await loop()
        except Exception as error:  # noqa: BLE001 - it is raised again by run(), in order
            self._shutdown.fail(error)

    async def _release_lanes(self) -> None:
        """Wait a moment for the relay to finish, then drop all lanes."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_REVOKE_RELAY_TIMEOUT_S):
                await self._relay.wait_for_backlog(0)
        lanes = list(self.lanes.states)
        self._relay.drop(lanes)
        self.lanes.remove(lanes)
        if self._progress:
            self._progress.hold(None)
        self._handler.clear_cache()
        self._subscription.on_revoked(lanes)
        if lanes:
            await self._release_ownership()

    async def _release_ownership(self) -> None:
        # If it fails, the next owner only takes care that would not be needed.
        with contextlib.suppress(TimeoutError, *SERVER_ERRORS):
            async with asyncio.timeout(_RELEASE_TIMEOUT_S), self._connection.extra_connection() as conn:
                await self._claims.release(conn)

    def _ends_in_order(self) -> bool:
        """Return whether no batch is to blame for this run's end."""
        failure = self._shutdown.failure
        return (failure is None or isinstance(failure, (Halt, Halted))) and not self._batch_runner.is_slow

    async def _stop_gracefully(self) -> None:
        self._rebalance.close()
        with contextlib.suppress(TimeoutError, *SERVER_ERRORS):
            async with asyncio.timeout(self._subscription.tuning.stop_within_s - _LEAVE_TIMEOUT_S):
                async with self._rebalance.batch_lock:
                    pass  # the running batch is through, and no other begins after a stop
                await self._relay.wait_for_backlog(0)
                await self._maintenance.save_relay_progress()
                await self._maintenance.commit_kafka_offsets()

    async def _leave_group(self) -> None:
        # Whatever keeps a client from leaving: the group drops it when its session times out.
        try:
            async with asyncio.timeout(_LEAVE_TIMEOUT_S):
                await self._subscriber.stop()
        except Exception as error:  # noqa: BLE001 - FastStream raises a group of whatever the client raised
            self._log.warning("group_not_left", fault=type(error).__name__)

    async def _record_halt(self, halt: Halt) -> Halted:
        name = self._subscription.name
        try:
            async with self._connection.extra_connection() as conn:
                await halts.record(conn, name, halt.reason, halt.detail)
        except SERVER_ERRORS as error:
            self._log.exception("halt_not_kept", fault=type(error).__name__)
        self._log.error("halted", reason=halt.reason, detail=halt.detail)
        return Halted(name, halt.reason, halt.detail)


def _lane_access(  # noqa: PLR0913 - collaborators, passed by name
    subscription: Subscription,
    handler: Handler,
    *,
    kafka: KafkaCluster,
    publisher: Publisher,
    connection: HeldConnection,
    claims: LaneClaims,
    lanes: OwnedLanes,
    subscriber: GroupSubscriber,
    relay: Relay,
    outages: OutageRetry,
    log: Logger,
) -> tuple[LaneRecovery, LaneTakeover, Fence]:
    """Return what takes lanes over and what writes to them: both address messages by one ``ChunkWriter``."""
    chunk_writer = ChunkWriter(subscription.name, publisher.topic_admin.partition_counts)
    takeover = LaneTakeover(
        subscription, kafka=kafka, topic_admin=publisher.topic_admin, connection=connection, claims=claims,
        chunk_writer=chunk_writer,
    )  # fmt: skip
    recovery = LaneRecovery(
        subscription=subscription, handler=handler, lanes=lanes, takeover=takeover,
        subscriber=subscriber, relay=relay, outages=outages, log=log,
    )  # fmt: skip
    fence = Fence(
        subscription, handler, connection=connection, lanes=lanes, lane_writer=LaneWriter(lanes, relay, chunk_writer)
    )
    return recovery, takeover, fence
