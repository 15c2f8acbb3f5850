"""The loop beside the batches: takes lanes over, saves relay progress, prunes the outbox, commits offsets to Kafka."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Final

from paidan_chassis.consumer import outbox, positions
from paidan_chassis.consumer.batch_runner import BatchRunner
from paidan_chassis.consumer.config import Subscription
from paidan_chassis.consumer.connection import HeldConnection
from paidan_chassis.consumer.dead_letter_counts import DeadLetterCounts
from paidan_chassis.consumer.errors import SERVER_ERRORS, AssignmentLost, is_outage
from paidan_chassis.consumer.held_lanes import HeldLanes
from paidan_chassis.consumer.owned_lanes import OwnedLanes
from paidan_chassis.consumer.rebalance import RebalanceListener
from paidan_chassis.consumer.recovery import LaneRecovery
from paidan_chassis.consumer.relay import Relay
from paidan_chassis.consumer.subscriber import GroupSubscriber
from paidan_chassis.observability.logs import Logger

_INTERVAL_S: Final = 0.1
_SAVE_AFTER_IDLE_S: Final = 0.2
_SAVE_INTERVAL_S: Final = 1.0
_PRUNE_INTERVAL_S: Final = 2.0
_COMMIT_INTERVAL_S: Final = 5.0
_COMMIT_TIMEOUT_S: Final = 3.0
_COUNT_INTERVAL_S: Final = 10.0


class Maintenance:
    """Periodic tasks; those that must not run during a batch take the batch lock."""

    def __init__(  # noqa: PLR0913 - collaborators, passed by name
        self,
        *,
        subscription: Subscription,
        lanes: OwnedLanes,
        recovery: LaneRecovery,
        connection: HeldConnection,
        subscriber: GroupSubscriber,
        rebalance: RebalanceListener,
        relay: Relay,
        batch_runner: BatchRunner,
        dead_letter_counts: DeadLetterCounts,
        held_lanes: HeldLanes,
        log: Logger,
    ) -> None:
        self._subscription = subscription
        self._lanes = lanes
        self._recovery = recovery
        self._connection = connection
        self._subscriber = subscriber
        self._batch_lock = rebalance.batch_lock
        self._relay = relay
        self._batch_runner = batch_runner
        self._dead_letter_counts = dead_letter_counts
        self._held_lanes = held_lanes
        self._log = log
        self._next_runs: dict[str, float] = {}
        self._compared_acquisition = 0

    async def run(self) -> None:
        """Run for ever. Outages only delay; raises ``Halt``, ``Halted`` or a bug."""
        while True:
            await asyncio.sleep(_INTERVAL_S)
            await self._tolerate_outage(self._take_over_assigned)
            if time.monotonic() - self._batch_runner.last_batch_at > _SAVE_AFTER_IDLE_S:
                await self._tolerate_outage(self.save_relay_progress)
            else:
                # Batches save the progress of their own lanes; another lane may be idle for hours beside them.
                await self._run_every(_SAVE_INTERVAL_S, self.save_relay_progress)
            if self._lanes.held:
                self._held_lanes.raise_when_drained(idle_s=self._batch_runner.idle_s)
            await self._compare_when_due()
            await self._run_every(_PRUNE_INTERVAL_S, self._prune)
            await self._run_every(_COMMIT_INTERVAL_S, self.commit_kafka_offsets)
            await self._run_every(_COUNT_INTERVAL_S, self._count_dead_letters)

    async def save_relay_progress(self) -> None:
        """Save acknowledgements in the database now instead of with the next batch."""
        if not self._relay.unsaved(self._lanes.states):
            return
        async with self._batch_lock:
            states = self._lanes.states
            relayed = self._relay.unsaved(states)
            if relayed:
                seqs = {lane: states[lane].seq for lane in relayed}
                conn = await self._connection.get()
                await positions.save_relayed(conn, self._subscription.name, relayed, seqs)
                self._relay.mark_saved(relayed)

    async def commit_kafka_offsets(self) -> None:
        """Commit the lanes' offsets to Kafka, for lag tools alone; the consumer itself never reads them."""
        client = self._subscriber.client
        assigned = self._subscriber.assigned_lanes()
        offsets = {
            self._subscriber.to_topic_partition(lane): state.next_offset
            for lane, state in self._lanes.states.items()
            if lane in assigned
        }
        if client is not None and offsets:
            async with asyncio.timeout(_COMMIT_TIMEOUT_S):
                await client.commit(offsets)

    async def _take_over_assigned(self) -> None:
        if self._subscriber.assigned_lanes() <= self._lanes.states.keys():
            return
        async with self._batch_lock:
            with contextlib.suppress(AssignmentLost):
                await self._recovery.take_over(self._subscriber.assigned_lanes())

    async def _compare_when_due(self) -> None:
        if self._connection.is_lost or self._connection.acquisitions != self._compared_acquisition:
            # A restore of the database ends its sessions, so a comparison through an earlier session proves nothing.
            self._next_runs.pop(self._compare.__name__, None)
        await self._run_every(self._subscription.tuning.compare_interval_s, self._compare)

    async def _compare(self) -> None:
        async with self._batch_lock:
            with contextlib.suppress(AssignmentLost):
                await self._recovery.reload_moved_lanes()
            self._compared_acquisition = self._connection.acquisitions

    async def _prune(self) -> None:
        async with self._connection.extra_connection() as conn:
            await outbox.prune(conn, self._subscription.name)

    async def _count_dead_letters(self) -> None:
        async with self._connection.extra_connection() as conn:
            await self._dead_letter_counts.load(conn)

    async def _run_every(self, seconds: float, operation: Callable[[], Awaitable[None]]) -> None:
        now = time.monotonic()
        if now >= self._next_runs.get(operation.__name__, 0.0):
            self._next_runs[operation.__name__] = now + seconds
            await self._tolerate_outage(operation)

    async def _tolerate_outage(self, operation: Callable[[], Awaitable[None]]) -> None:
        try:
            await operation()
        except SERVER_ERRORS as error:
            if not is_outage(error):
                raise
            self._log.info("tending_delayed", what=operation.__name__.strip("_"), fault=type(error).__name__)
