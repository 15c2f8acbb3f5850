"""The batch loop: runs polled batches until each record is applied, dead-lettered or left to its lane's next owner."""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

import asyncpg

from paidan_chassis.clock import real_now
from paidan_chassis.consumer.batch import DeadLetter, Handler, Lane, PoisonRecord, Record
from paidan_chassis.consumer.config import ConsumerTuning
from paidan_chassis.consumer.errors import SERVER_ERRORS, AssignmentLost, LanesMoved, is_data_error
from paidan_chassis.consumer.fence import BatchResult, FencedTransaction, OwnedLanes, group_by_lane
from paidan_chassis.consumer.held_lanes import HeldLanes
from paidan_chassis.consumer.outages import OutageRetry
from paidan_chassis.consumer.rebalance import RebalanceListener
from paidan_chassis.consumer.recovery import LaneRecovery
from paidan_chassis.consumer.relay import Relay
from paidan_chassis.consumer.shutdown import Shutdown
from paidan_chassis.consumer.subscriber import GroupSubscriber, PolledRecords
from paidan_chassis.errors import Halt
from paidan_chassis.observability.health import LoopProgress
from paidan_chassis.observability.logs import Logger

_MAX_IDLE_S: Final = 0.010


class BatchRunner:
    """The loop over batches: one at a time, under the batch lock."""

    def __init__(  # noqa: PLR0913 - collaborators, passed by name
        self,
        *,
        tuning: ConsumerTuning,
        handler: Handler,
        lanes: OwnedLanes,
        transaction: FencedTransaction,
        recovery: LaneRecovery,
        outages: OutageRetry,
        subscriber: GroupSubscriber,
        rebalance: RebalanceListener,
        relay: Relay,
        held_lanes: HeldLanes,
        shutdown: Shutdown,
        log: Logger,
        progress: LoopProgress | None,
    ) -> None:
        self.batches = 0
        self.records = 0
        self.dead_letters = 0
        self.last_batch_at = time.monotonic()
        self._tuning = tuning
        self._handler = handler
        self._lanes = lanes
        self._transaction = transaction
        self._recovery = recovery
        self._outages = outages
        self._subscriber = subscriber
        self._batch_lock = rebalance.batch_lock
        self._relay = relay
        self._held_lanes = held_lanes
        self._shutdown = shutdown
        self._log = log
        self._progress = progress

    async def on_batch(self, polled: PolledRecords) -> None:
        """Run a poll's records, then wait before the next poll. FastStream swallows exceptions, so none is raised."""
        started_at = time.monotonic()
        stop_requested = self._shutdown.requested
        try:
            async with self._batch_lock:
                if not stop_requested.is_set() and (records := self._subscriber.to_records(polled)):
                    await self.run(records)
                    self.last_batch_at = time.monotonic()
        except Exception as error:  # noqa: BLE001 - it is raised again by LaneConsumer.run, in order
            self._shutdown.fail(error)
        if stop_requested.is_set():
            await asyncio.Event().wait()  # the polling task is cancelled when the group is left
        if self._relay.backlog_size > self._tuning.backlog_limit:
            await self._relay.wait_for_backlog(self._tuning.backlog_limit)
        if len(polled) < self._tuning.max_records:
            duration_s = time.monotonic() - started_at
            # The pause grows with the duration, so that under load the next batch is larger and costs less per record.
            await asyncio.sleep(max(self._tuning.min_batch_interval_s - duration_s, min(duration_s / 3, _MAX_IDLE_S)))

    async def run(self, records: Sequence[Record]) -> None:
        """Apply these records, grouped by lane; leave the rest to the next owner when the lanes are revoked."""
        rejected: dict[Record, DeadLetter] = {}
        rewound: set[Lane] = set()
        pending = self._without_held([records]) if self._lanes.held else [records]
        try:
            new_lanes = {lane for lane, _ in group_by_lane(records)} - self._lanes.states.keys()
            if new_lanes:
                await self._recovery.take_over(new_lanes)
            while pending:
                part = pending.pop()
                started = time.perf_counter()
                result = await self._apply(part, rejected)
                if result is None:
                    half = len(part) // 2
                    pending += [part[half:], part[:half]]
                    if self._lanes.held:
                        pending = self._without_held(pending)
                else:
                    self._record_result(result, part, started=started)
                    if result.records < len(part):
                        await self._explain_missing(result, part, rewound)
        except AssignmentLost:
            self._log.info("batch_left_to_next_owner", records=len(records))

    async def _apply(self, part: Sequence[Record], rejected: dict[Record, DeadLetter]) -> BatchResult | None:
        """Apply a part of the batch; return None when it must be split, or left where its lane halted."""
        while True:
            try:
                return await self._apply_through_outages(part, rejected)
            except PoisonRecord as poison:
                self._handler.clear_cache()
                _reject(rejected, poison.dead_letter)
            except LanesMoved as moved:
                await self._recovery.reload(moved.lanes)
            except Halt as halt:
                self._handler.clear_cache()
                # The records before it are applied; otherwise each resume would fail on the same batch again.
                if len(part) == 1:
                    self._held_lanes.hold(part[0].lane, halt)
                return None
            except (asyncpg.PostgresError, asyncpg.InterfaceError, UnicodeEncodeError) as error:
                self._handler.clear_cache()
                if not is_data_error(error):
                    raise
                if len(part) > 1:
                    return None
                # The message may quote a value; the code never does.
                sqlstate = getattr(error, "sqlstate", None) or "22000"
                _reject(rejected, DeadLetter(part[0], "refused_by_database", sqlstate))

    async def _apply_through_outages(self, part: Sequence[Record], rejected: dict[Record, DeadLetter]) -> BatchResult:
        try:
            result = await self._transaction.apply(part, rejected)
        except SERVER_ERRORS as error:
            return await self._outages.run(lambda: self._transaction.apply(part, rejected), failure=error)
        if self._outages.outage:
            self._outages.clear()
        return result

    def _without_held(self, parts: Sequence[Sequence[Record]]) -> list[Sequence[Record]]:
        held = self._lanes.held
        return [rest for part in parts if (rest := [record for record in part if record.lane not in held])]

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


def log_batch(log: Logger, event: str, *, duration_s: float, **counts: int) -> None:
    """Write the one canonical log line of a committed batch. Zero counts are left out; an empty batch writes none."""
    nonzero = {name: count for name, count in counts.items() if count}
    if nonzero:
        log.info(event, **nonzero, took_ms=round(duration_s * 1000, 1))


def _reject(rejected: dict[Record, DeadLetter], dead_letter: DeadLetter) -> None:
    record = dead_letter.record
    if record in rejected:
        raise RuntimeError(f"{record.lane}@{record.offset} is refused as a dead letter, too")
    rejected[record] = dead_letter
