"""The batch loop: runs polled batches until each record is applied, dead-lettered or left to its lane's next owner."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Final

from paidan_chassis.clock import real_now
from paidan_chassis.consumer.batch import DeadLetter, Handler, Lane, PoisonRecord, Record
from paidan_chassis.consumer.batch_faults import BatchFaults, half
from paidan_chassis.consumer.config import ConsumerTuning
from paidan_chassis.consumer.connection import HeldConnection
from paidan_chassis.consumer.errors import (
    DATA_ERRORS,
    SERVER_ERRORS,
    AssignmentLost,
    LanesMoved,
    TooSlow,
    TopicsUnknown,
)
from paidan_chassis.consumer.fence import BatchResult, Fence
from paidan_chassis.consumer.held_lanes import HeldLanes
from paidan_chassis.consumer.outages import OutageRetry
from paidan_chassis.consumer.owned_lanes import OwnedLanes, group_by_lane
from paidan_chassis.consumer.ownership import LaneClaims, split_for_trials
from paidan_chassis.consumer.rebalance import RebalanceListener
from paidan_chassis.consumer.recovery import LaneRecovery
from paidan_chassis.consumer.relay import Relay
from paidan_chassis.consumer.shutdown import Shutdown
from paidan_chassis.consumer.subscriber import GroupSubscriber, PolledRecords
from paidan_chassis.errors import Halt
from paidan_chassis.observability.health import LoopProgress
from paidan_chassis.observability.logs import Logger

_MAX_IDLE_S: Final = 0.010
_GATHER_PER_RECORD_S: Final = 0.005
_SLOW_BATCH_S: Final = 10.0


class BatchRunner:
    """The loop over batches: one at a time, under the batch lock."""

    def __init__(  # noqa: PLR0913 - collaborators, passed by name
        self,
        *,
        tuning: ConsumerTuning,
        handler: Handler,
        lanes: OwnedLanes,
        fence: Fence,
        recovery: LaneRecovery,
        outages: OutageRetry,
        subscriber: GroupSubscriber,
        rebalance: RebalanceListener,
        relay: Relay,
        held_lanes: HeldLanes,
        shutdown: Shutdown,
        log: Logger,
        progress: LoopProgress | None,
        claims: LaneClaims,
        connection: HeldConnection,
    ) -> None:
        self.batches = 0
        self.records = 0
        self.dead_letters = 0
        self.last_batch_at = time.monotonic()
        self.faults = BatchFaults(progress)
        self._running_since: float | None = None
        self._slow_after_s = tuning.stalls_after_s / 4
        # Less than the time after which PostgreSQL ends a session that is idle in its transaction.
        self._blocked_s = 0.8 * tuning.idle_in_transaction_s
        self._tuning = tuning
        self._fence = fence
        self._claims = claims
        self._connection = connection
        self._handler = handler
        self._lanes = lanes
        self._recovery = recovery
        self._outages = outages
        self._subscriber = subscriber
        self._batch_lock = rebalance.batch_lock
        self._relay = relay
        self._held_lanes = held_lanes
        self._shutdown = shutdown
        self._log = log
        self._progress = progress

    @property
    def is_slow(self) -> bool:
        """Whether a batch runs that has taken longer than any should."""
        return self._running_since is not None and time.monotonic() - self._running_since > _SLOW_BATCH_S

    @property
    def idle_s(self) -> float:
        """For how long no batch has run; 0 while one runs."""
        return 0.0 if self._running_since is not None else time.monotonic() - self.last_batch_at

    async def on_batch(self, polled: PolledRecords) -> None:
        """Run a poll's records, then wait before the next poll. FastStream swallows exceptions, so none is raised."""
        started_at = time.monotonic()
        stop_requested = self._shutdown.requested
        try:
            async with self._batch_lock:
                if not stop_requested.is_set() and (records := self._subscriber.to_records(polled)):
                    self._running_since = started_at
                    await self.run(records)
                    self._running_since, self.last_batch_at = None, time.monotonic()
        except Exception as error:  # noqa: BLE001 - it is raised again by LaneConsumer.run, in order
            self._shutdown.fail(error)
        if stop_requested.is_set():
            await asyncio.Event().wait()  # the polling task is cancelled when the group is left
        if self._relay.backlog_size > self._tuning.backlog_limit:
            await self._relay.wait_for_backlog(self._tuning.backlog_limit)
        if len(polled) < self._tuning.max_records:
            await asyncio.sleep(rest_s(self._tuning, len(polled), time.monotonic() - started_at))

    async def run(self, records: Sequence[Record]) -> None:
        """Apply these records, grouped by lane; leave the rest to the next owner when the lanes are revoked."""
        rejected: dict[Record, DeadLetter] = {}
        rewound: set[Lane] = set()
        pending = [records]
        try:
            new_lanes = {lane for lane, _ in group_by_lane(records)} - self._lanes.states.keys()
            if new_lanes:
                await self._recovery.take_over(new_lanes)
            if self._lanes.trials:
                pending = list(reversed(split_for_trials(records, self._lanes.trials)))
            if self._lanes.held:
                pending = self._held_lanes.leave_out(pending)
            while pending:
                part = pending.pop()
                started = time.perf_counter()
                result = await self._apply(part, rejected)
                if isinstance(result, int):
                    self._log.info("batch_split", records=len(part), into=result)
                    pending += [part[at : at + result] for at in reversed(range(0, len(part), result))]
                    if self._lanes.held:
                        pending = self._held_lanes.leave_out(pending)
                else:
                    self._record_result(result, part, started=started)
                    if result.records < len(part):
                        await self._explain_missing(result, part, rewound)
        except AssignmentLost:
            self._log.info("batch_left_to_next_owner", records=len(records))
        if self._lanes.trials:
            self._lanes.end_trials()

    async def _apply(self, part: Sequence[Record], rejected: dict[Record, DeadLetter]) -> BatchResult | int:
        """Apply a part of the batch, or return in parts of how many records it must be taken instead."""
        while True:
            try:
                return await self._apply_through_outages(part, rejected)
            except LanesMoved as moved:
                await self._recovery.reload(moved.lanes)
            except TopicsUnknown as unknown:
                await self._recovery.ensure_topics(unknown.topics)
            except Halt as halt:
                self._handler.clear_cache()
                # The records before it are applied; otherwise each resume would fail on the same batch again.
                if len(part) == 1:
                    self._held_lanes.hold(part[0].lane, halt)
                return half(part)
            except (PoisonRecord, TooSlow, *DATA_ERRORS) as error:
                self._handler.clear_cache()
                if smaller := self.faults.reject_or_split(error, part, rejected):
                    return smaller

    async def _apply_through_outages(self, part: Sequence[Record], rejected: dict[Record, DeadLetter]) -> BatchResult:
        try:
            if self._lanes.trials:
                await self._put_on_trial(part, rejected)
            result = await self._attempt(part, rejected)
        except SERVER_ERRORS as error:
            return await self._outages.run(lambda: self._attempt(part, rejected), failure=error)
        if self._outages.outage:
            self._outages.clear()
        return result

    async def _attempt(self, part: Sequence[Record], rejected: Mapping[Record, DeadLetter]) -> BatchResult:
        """Apply a part of the batch once; raises ``TooSlow`` when the handler, not a server, is what takes too long."""
        started, computed = time.monotonic(), time.thread_time()
        try:
            if len(part) == 1:
                return await self._fence.apply(part, rejected)
            async with asyncio.timeout(self._slow_after_s) as deadline:
                return await self._fence.apply(part, rejected)
        except SERVER_ERRORS as error:
            # A handler that computes for seconds loses its session; tried again as a whole it would lose the next one.
            # One that was frozen, or waits for a server, has not computed.
            has_computed = time.thread_time() - computed > self._blocked_s / 2
            has_blocked = has_computed and time.monotonic() - started > self._blocked_s
            if has_blocked or (len(part) > 1 and deadline.expired()):
                await self._connection.discard()
                raise TooSlow from error
            raise

    async def _put_on_trial(self, part: Sequence[Record], rejected: dict[Record, DeadLetter]) -> None:
        """Announce the part, if its lane is on trial; reject its one record if that has ended too many processes."""
        lane = part[0].lane
        trial = self._lanes.trials.get(lane)
        first_offset = max(part[0].offset, self._lanes.states[lane].next_offset)
        if trial is None or first_offset >= trial.until or part[-1].lane != lane:
            return
        conn = await self._connection.get()
        if dead_letter := await self._claims.announce(conn, part, trial, first_offset=first_offset):
            rejected[dead_letter.record] = dead_letter

    def _record_result(self, result: BatchResult, part: Sequence[Record], *, started: float) -> None:
        self.records += result.records
        self.dead_letters += result.dead_letters
        self.batches += 1 if result.records else 0
        duration_s = time.perf_counter() - started
        if self._progress:
            hop_s = max(0.0, (real_now() - min(record.appended_at for record in part)).total_seconds())
            self._progress.record_commit(records=result.records, duration_s=duration_s, hop_s=hop_s)
        counts = {"records": result.records, "said": result.messages, "buried": result.dead_letters, **result.counts}
        log_batch(self._log, "batch_applied", duration_s=duration_s, **counts)

    async def _explain_missing(self, result: BatchResult, part: Sequence[Record], rewound: set[Lane]) -> None:
        for lane, offset in result.rewind_to.items():
            # A later part of the same poll was not read again, so it does not confirm a gap.
            if lane not in rewound:
                rewound.add(lane)
                await self._recovery.rewind(lane, offset)
        if not result.rewind_to:
            # Old records come after a take-over, and also when the topic was created again under the same name.
            await self._recovery.verify_logs({lane for lane, _ in group_by_lane(part)})


def rest_s(tuning: ConsumerTuning, records: int, duration_s: float) -> float:
    """Return how long to wait after a batch: longer after a longer one, for the next is larger then, and costs less."""
    interval_s = max(tuning.min_batch_interval_s, min(records * _GATHER_PER_RECORD_S, tuning.max_gather_s))
    return max(interval_s - duration_s, min(duration_s / 3, _MAX_IDLE_S))


def log_batch(log: Logger, event: str, *, duration_s: float, **counts: int) -> None:
    """Write the one canonical log line of a committed batch. Zero counts are left out; an empty batch writes none."""
    nonzero = {name: count for name, count in counts.items() if count}
    if nonzero:
        log.info(event, **nonzero, took_ms=round(duration_s * 1000, 1))
