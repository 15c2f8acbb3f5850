"""What happens between batches: lanes taken over, acknowledgements noted, the outbox pruned, Kafka told the offsets."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Final

from paidan_chassis.consumer import outbox, positions
from paidan_chassis.consumer.batch_runner import (
    SERVER_ERRORS,
    AssignmentLost,
    BatchRunner,
    is_outage,
)
from paidan_chassis.consumer.parts import ConsumerParts

_INTERVAL_S: Final = 0.1
_SAVE_AFTER_IDLE_S: Final = 0.2
_PRUNE_INTERVAL_S: Final = 2.0
_COMMIT_INTERVAL_S: Final = 5.0
_COMMIT_TIMEOUT_S: Final = 3.0


class Housekeeping:
    """A loop beside the batches. What needs the lanes to stand still takes its turn like a batch."""

    def __init__(self, parts: ConsumerParts, batch_runner: BatchRunner) -> None:
        self._parts = parts
        self._batch_runner = batch_runner
        self._last_batch_at = time.monotonic()
        self._next_runs: dict[str, float] = {}
        self._compared_acquisition = 0

    def record_batch_done(self) -> None:
        """Hear that a batch is through."""
        self._last_batch_at = time.monotonic()

    async def run(self) -> None:
        """Tend for ever. Outages are waited out; raises ``Halt``, ``Halted`` or a bug."""
        while True:
            await asyncio.sleep(_INTERVAL_S)
            await self._tolerate_outage(self._take_over_assigned)
            if time.monotonic() - self._last_batch_at > _SAVE_AFTER_IDLE_S:
                await self._tolerate_outage(self.save_relay_progress)
            await self._compare_when_due()
            await self._run_every(_PRUNE_INTERVAL_S, self._prune)
            await self._run_every(_COMMIT_INTERVAL_S, self.commit_kafka_offsets)

    async def save_relay_progress(self) -> None:
        """Note acknowledgements in the database now instead of with the next batch."""
        if not self._parts.relay.unsaved(self._parts.transaction.lanes):
            return
        async with self._parts.rebalance.batch_lock:
            states = self._parts.transaction.lanes
            relayed = self._parts.relay.unsaved(states)
            if relayed:
                seqs = {lane: states[lane].seq for lane in relayed}
                conn = await self._parts.connection.get()
                await positions.save_relayed(conn, self._parts.subscription.name, relayed, seqs)
                self._parts.relay.mark_saved(relayed)

    async def commit_kafka_offsets(self) -> None:
        """Tell Kafka where the lanes stand, for lag tools; for us PostgreSQL knows better."""
        client = self._parts.subscriber.client
        assigned = self._parts.subscriber.assigned_lanes()
        offsets = {
            self._parts.subscriber.to_topic_partition(lane): state.next_offset
            for lane, state in self._parts.transaction.lanes.items()
            if lane in assigned
        }
        if client is not None and offsets:
            async with asyncio.timeout(_COMMIT_TIMEOUT_S):
                await client.commit(offsets)

    async def _take_over_assigned(self) -> None:
        if self._parts.subscriber.assigned_lanes() <= self._parts.transaction.lanes.keys():
            return
        async with self._parts.rebalance.batch_lock:
            with contextlib.suppress(AssignmentLost):
                await self._batch_runner.take_over(self._parts.subscriber.assigned_lanes())

    async def _compare_when_due(self) -> None:
        connection = self._parts.connection
        if connection.is_lost or connection.acquisitions != self._compared_acquisition:
            # That is how a restore looks from here: what was compared through another session counts no longer.
            self._next_runs.pop(self._compare.__name__, None)
        await self._run_every(self._parts.subscription.tuning.compare_interval_s, self._compare)

    async def _compare(self) -> None:
        async with self._parts.rebalance.batch_lock:
            with contextlib.suppress(AssignmentLost):
                await self._batch_runner.reload_moved_lanes()
            self._compared_acquisition = self._parts.connection.acquisitions

    async def _prune(self) -> None:
        async with self._parts.connection.extra_connection() as conn:
            await outbox.prune(conn, self._parts.subscription.name)

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
            self._parts.log.info("tending_delayed", what=operation.__name__.strip("_"), fault=type(error).__name__)
