"""Measures lag and notices a standstill. Asks Kafka only, so that it goes on while PostgreSQL is away."""

import asyncio
import time
from collections.abc import Mapping
from typing import Final

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from paidan_chassis.clock import real_now
from paidan_chassis.consumer.batch_runner import BatchRunner
from paidan_chassis.consumer.config import LaneMetrics
from paidan_chassis.consumer.lane_state import LaneState, LogBounds
from paidan_chassis.consumer.parts import ConsumerParts
from paidan_chassis.consumer.records import Lane
from paidan_chassis.errors import Stalled

_CHECK_INTERVAL_S: Final = 1.0
_FREEZE_THRESHOLD_S: Final = 5.0


class Watchdog:
    """Raises ``Stalled`` when records wait and nothing moves, though nothing that is known keeps us from them.

    A consumer can stick after the broker was restarted while its loop polls on and every ping is answered
    (aiokafka #1154), so only what the log holds against what was applied counts as progress.
    """

    def __init__(self, parts: ConsumerParts, batch_runner: BatchRunner) -> None:
        self._parts = parts
        self._batch_runner = batch_runner
        self._last_progress_at = time.monotonic()
        self._last_offsets: dict[Lane, int] = {}

    async def run(self) -> None:
        """Watch for ever; raises ``Stalled``, or ``Halt`` when a log is another one now."""
        while True:
            sleep_started = time.monotonic()
            await asyncio.sleep(_CHECK_INTERVAL_S)
            was_frozen = time.monotonic() - sleep_started > _FREEZE_THRESHOLD_S
            if not await self._is_stuck() or self._batch_runner.outage or was_frozen:
                self._last_progress_at = time.monotonic()
            stalled_s = time.monotonic() - self._last_progress_at
            if stalled_s > self._parts.subscription.tuning.stalls_after_s:
                raise Stalled(
                    self._parts.subscription.name, f"nothing applied for {stalled_s:.0f} s, though records wait"
                )

    async def _is_stuck(self) -> bool:
        try:
            return await self._check_progress()
        except (KafkaError, OSError) as error:
            if not await self._is_kafka_down():
                return True
            if self._parts.progress:
                self._parts.progress.record_retry(type(error).__name__)
            return False

    async def _check_progress(self) -> bool:
        """Show where lanes stand; tell whether records wait and none was applied since the last look."""
        client = self._parts.subscriber.client
        if client is None or not self._parts.rebalance.assigned.is_set():
            return True
        offsets = {lane: state.next_offset for lane, state in self._parts.transaction.lanes.items()}
        untaken = self._parts.subscriber.assigned_lanes() - offsets.keys()
        bounds = await self._parts.takeover.log_bounds(client, offsets)
        has_progressed, self._last_offsets = offsets != self._last_offsets, offsets
        await self._verify_suspicious(offsets, bounds)
        await self._skip_control_records(client, offsets)
        self._update_metrics(bounds)
        return not has_progressed and (
            bool(untaken) or any(self._lag_records(lane, log_bounds) for lane, log_bounds in bounds.items())
        )

    async def _skip_control_records(self, client: AIOKafkaConsumer, offsets: Mapping[Lane, int]) -> None:
        # A log that ends with the marker of a transaction is read to its end, though its last offset is no record.
        for lane, offset in offsets.items():
            async with asyncio.timeout(_CHECK_INTERVAL_S):
                consumed_to = await client.position(self._parts.subscriber.to_topic_partition(lane))
            state = self._parts.transaction.lanes.get(lane)
            if state is not None and state.next_offset == offset and not self._parts.rebalance.batch_lock.locked():
                state.consumed_to = consumed_to

    def _lag_records(self, lane: Lane, bounds: LogBounds) -> int:
        state = self._parts.transaction.lanes.get(lane)
        return max(0, bounds.end - state.effective_offset) if state is not None else 0

    async def _verify_suspicious(self, offsets: Mapping[Lane, int], bounds: Mapping[Lane, LogBounds]) -> None:
        states = self._parts.transaction.lanes
        suspicious = {
            lane: states[lane]
            for lane, offset in offsets.items()
            if lane in states
            and (
                bounds[lane].topic_id != states[lane].bounds.topic_id
                or not bounds[lane].start <= offset <= bounds[lane].end
            )
        }
        client = self._parts.subscriber.client
        if suspicious and client is not None:
            await self._parts.takeover.verify(client, suspicious)

    async def _is_kafka_down(self) -> bool:
        try:
            await self._parts.takeover.ping()
        except (KafkaError, OSError):
            return True
        return False

    def _update_metrics(self, bounds: Mapping[Lane, LogBounds]) -> None:
        states = self._parts.transaction.lanes
        if self._parts.progress:
            self._parts.progress.record_poll()
            self._parts.progress.set_lag(sum(self._lag_records(lane, log) for lane, log in bounds.items()))
        self._parts.metrics.lanes = {
            lane: self._lane_metrics(lane, states[lane], log_bounds)
            for lane, log_bounds in bounds.items()
            if lane in states
        }

    def _lane_metrics(self, lane: Lane, state: LaneState, bounds: LogBounds) -> LaneMetrics:
        lag = self._lag_records(lane, bounds)
        since = state.newest_appended_at or self._parts.metrics.started_at
        return LaneMetrics(
            next_offset=state.next_offset,
            lag_records=lag,
            lag_s=max(0.0, (real_now() - since).total_seconds()) if lag else 0.0,
            outbox_backlog=self._parts.relay.backlog(lane),
            has_caught_up=state.has_caught_up,
        )
