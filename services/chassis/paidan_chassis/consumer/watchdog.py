"""Measures lag and detects a stall. Queries Kafka only, so it works while PostgreSQL is unavailable."""

import asyncio
import time
from collections.abc import Mapping
from typing import Final

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from paidan_chassis.clock import real_now
from paidan_chassis.consumer.batch import Lane
from paidan_chassis.consumer.batch_runner import BatchRunner
from paidan_chassis.consumer.config import Subscription
from paidan_chassis.consumer.consumer_metrics import LaneMetrics
from paidan_chassis.consumer.lane_state import LaneState, LogBounds
from paidan_chassis.consumer.outages import OutageRetry
from paidan_chassis.consumer.owned_lanes import OwnedLanes
from paidan_chassis.consumer.rebalance import RebalanceListener
from paidan_chassis.consumer.relay import Relay
from paidan_chassis.consumer.subscriber import GroupSubscriber
from paidan_chassis.consumer.takeover import LaneTakeover
from paidan_chassis.errors import Stalled
from paidan_chassis.observability.health import LoopProgress

_CHECK_INTERVAL_S: Final = 1.0
_FREEZE_THRESHOLD_S: Final = 5.0


class Watchdog:
    """A check that raises ``Stalled`` when records wait and none is applied, without a known outage as the reason.

    A consumer can stick after a broker's restart while its loop polls on and every ping is answered (aiokafka #1154),
    so progress is measured by applied offsets against the log's end. A run has half of ``stalls_after_s``: in the other
    half, before the process is ended, a new member of the group may do better.
    """

    def __init__(  # noqa: PLR0913 - collaborators, passed by name
        self,
        *,
        subscription: Subscription,
        lanes: OwnedLanes,
        takeover: LaneTakeover,
        subscriber: GroupSubscriber,
        rebalance: RebalanceListener,
        relay: Relay,
        outages: OutageRetry,
        batch_runner: BatchRunner,
        progress: LoopProgress | None,
    ) -> None:
        self.lane_metrics: Mapping[Lane, LaneMetrics] = {}
        """As of the last check."""
        self._subscription = subscription
        self._lanes = lanes
        self._takeover = takeover
        self._subscriber = subscriber
        self._rebalance = rebalance
        self._relay = relay
        self._outages = outages
        self._batch_runner = batch_runner
        self._last_slow_batches = 0
        self._progress = progress
        self._started_at = real_now()
        self._last_progress_at = time.monotonic()
        self._last_offsets: dict[Lane, int] = {}

    async def run(self) -> None:
        """Check for ever; raises ``Stalled``, or ``Halt`` when a lane's log was replaced."""
        while True:
            sleep_started = time.monotonic()
            await asyncio.sleep(_CHECK_INTERVAL_S)
            was_frozen = time.monotonic() - sleep_started > _FREEZE_THRESHOLD_S
            if not await self._is_stuck() or await self._is_excused() or was_frozen:
                self._last_progress_at = time.monotonic()
            stalled_s = time.monotonic() - self._last_progress_at
            if stalled_s > self._subscription.tuning.stalls_after_s / 2:
                raise Stalled(self._subscription.name, f"nothing applied for {stalled_s:.0f} s, though records wait")

    async def _is_stuck(self) -> bool:
        try:
            return await self._check_progress()
        except (KafkaError, OSError) as error:
            if not await self._is_kafka_down():
                return True
            if self._progress:
                self._progress.record_retry(type(error).__name__)
            return False

    async def _is_excused(self) -> bool:
        """Return whether an outage explains the lack of progress; one of Kafka must show on a connection of ours, too.

        A client that sticks reports an outage for ever, of a broker that answers everybody else.
        """
        if self._outages.outage is None:
            return False
        return not self._outages.is_of_kafka or await self._is_kafka_down()

    async def _check_progress(self) -> bool:
        """Update the metrics; return whether records wait and none was applied since the last check."""
        client = self._subscriber.client
        if client is None or not self._rebalance.assigned.is_set():
            return True
        offsets = {lane: state.next_offset for lane, state in self._lanes.states.items()}
        untaken = self._subscriber.assigned_lanes() - offsets.keys()
        bounds = await self._takeover.log_bounds(client, offsets)
        # A batch that was too slow and is taken in smaller ones is progress, too.
        slow_batches = self._batch_runner.faults.slow_batches
        has_progressed = offsets != self._last_offsets or slow_batches != self._last_slow_batches
        self._last_offsets, self._last_slow_batches = offsets, slow_batches
        await self._verify_suspicious(offsets, bounds)
        await self._skip_control_records(client, offsets)
        self._update_metrics(bounds)
        return not has_progressed and (
            bool(untaken) or any(self._lag_records(lane, log_bounds) for lane, log_bounds in bounds.items())
        )

    async def _skip_control_records(self, client: AIOKafkaConsumer, offsets: Mapping[Lane, int]) -> None:
        # A log may end with a control record: it is read to its end, though its last offset is never applied.
        # A held lane is read beyond the record at fault, which nobody has applied.
        for lane, offset in offsets.items():
            if lane in self._lanes.held:
                continue
            async with asyncio.timeout(_CHECK_INTERVAL_S):
                consumed_to = await client.position(self._subscriber.to_topic_partition(lane))
            if not self._rebalance.batch_lock.locked():
                self._lanes.mark_consumed(lane, next_offset=offset, consumed_to=consumed_to)

    def _lag_records(self, lane: Lane, bounds: LogBounds) -> int:
        state = self._lanes.states.get(lane)
        return max(0, bounds.end - state.effective_offset) if state is not None else 0

    async def _verify_suspicious(self, offsets: Mapping[Lane, int], bounds: Mapping[Lane, LogBounds]) -> None:
        states = self._lanes.states
        suspicious = {
            lane: states[lane]
            for lane, offset in offsets.items()
            if lane in states
            and (
                bounds[lane].topic_id != states[lane].bounds.topic_id
                or not bounds[lane].start <= offset <= bounds[lane].end
            )
        }
        client = self._subscriber.client
        if suspicious and client is not None:
            await self._takeover.verify(client, suspicious)

    async def _is_kafka_down(self) -> bool:
        try:
            await self._takeover.ping()
        except (KafkaError, OSError):
            return True
        return False

    def _update_metrics(self, bounds: Mapping[Lane, LogBounds]) -> None:
        states = self._lanes.states
        if self._progress:
            self._progress.record_poll()
            self._progress.set_lag(sum(self._lag_records(lane, log) for lane, log in bounds.items()))
        self.lane_metrics = {
            lane: self._lane_metrics(lane, states[lane], log_bounds)
            for lane, log_bounds in bounds.items()
            if lane in states
        }

    def _lane_metrics(self, lane: Lane, state: LaneState, bounds: LogBounds) -> LaneMetrics:
        lag = self._lag_records(lane, bounds)
        since = state.newest_appended_at or self._started_at
        return LaneMetrics(
            next_offset=state.next_offset,
            lag_records=lag,
            lag_s=max(0.0, (real_now() - since).total_seconds()) if lag else 0.0,
            outbox_backlog=self._relay.backlog(lane),
            has_caught_up=state.has_caught_up,
        )
