"""Getting a batch through: outages waited out, poison singled out, moved lanes taken over anew."""

import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final, TypeVar

import asyncpg
from aiokafka.errors import KafkaError

from paidan_chassis.clock import real_now
from paidan_chassis.consumer import positions
from paidan_chassis.consumer.dead_letters import DeadLetter, DeadLetterLimitExceeded
from paidan_chassis.consumer.errors import PoisonRecord, Unacknowledged
from paidan_chassis.consumer.fence import BatchResult, LanesMoved
from paidan_chassis.consumer.lane_state import group_by_lane, moved_elsewhere
from paidan_chassis.consumer.parts import ConsumerParts
from paidan_chassis.consumer.records import Lane, Record
from paidan_chassis.database import DB_ERRORS, is_transient
from paidan_chassis.observability.logs import log_batch

T = TypeVar("T")

SERVER_ERRORS: Final = (*DB_ERRORS, KafkaError, Unacknowledged)
"""What either server raises; whether it is only away for a while, ``is_outage`` tells."""

_MIN_BACKOFF_S: Final = 0.05
_MAX_BACKOFF_S: Final = 1.0
# Classes of SQLSTATE that are the data's own fault: data exceptions, broken constraints, limits of a program.
_DATA_ERROR_CLASSES: Final = frozenset({"22", "23", "54"})


def is_data_error(error: BaseException) -> bool:
    """Tell whether PostgreSQL, or the driver on its behalf, refuses the data and would refuse it for ever."""
    match error:
        case asyncpg.PostgresError():
            return (error.sqlstate or "")[:2] in _DATA_ERROR_CLASSES
        case asyncpg.InterfaceError():
            return isinstance(error, ValueError)  # an argument that cannot be sent at all
        case _:
            return isinstance(error, UnicodeEncodeError)


def is_outage(error: BaseException) -> bool:
    """Tell whether PostgreSQL or Kafka is away for a while."""
    return is_transient(error) or isinstance(error, (KafkaError, Unacknowledged))


class AssignmentLost(Exception):
    """The lanes went to somebody else; what was begun for them is left to that owner."""


class BatchRunner:
    """Applies batches until each record is applied, buried or somebody else's. Has its turn whenever it runs."""

    def __init__(self, parts: ConsumerParts) -> None:
        self.outage: str | None = None
        """What keeps the batch in hand from being applied, while something does."""
        self._parts = parts
        self._last_rewinds: dict[Lane, int] = {}
        self._rewound_lanes: set[Lane] = set()

    async def run(self, records: Sequence[Record]) -> None:
        """Apply these records, which lie lane by lane; gives way when the epoch ends."""
        self._rewound_lanes.clear()
        rejected: dict[Record, DeadLetter] = {}
        pending = [records]
        try:
            await self.take_over({lane for lane, _ in group_by_lane(records)})
            while pending:
                part = pending.pop()
                if not await self._apply_or_split(part, rejected):
                    half = len(part) // 2
                    pending += [part[half:], part[:half]]
        except AssignmentLost:
            self._parts.log.info("batch_left_to_next_owner", records=len(records))

    async def take_over(self, lanes: Collection[Lane]) -> None:
        """Read where lanes stand and go there, with what they have not said yet; those that are ours already stay."""
        new = [lane for lane in sorted(lanes) if lane not in self._parts.transaction.lanes]
        if new:
            await self._retry_outages(lambda: self._load_lanes(new))

    async def reload_moved_lanes(self) -> None:
        """Take over anew whichever lanes have moved without us: a database set back says nothing of it by itself."""
        states = self._parts.transaction.lanes
        if not states:
            return
        conn = await self._parts.connection.get()
        rows = await positions.load_lanes(conn, self._parts.subscription.name, states)
        if moved_lanes := moved_elsewhere(states, {lane: row.position for lane, row in rows.items()}, list(states)):
            await self._reload(moved_lanes)

    async def _apply_or_split(self, part: Sequence[Record], rejected: dict[Record, DeadLetter]) -> bool:
        """Apply a part; False when only a smaller one may get through, for some record of it is refused or too many."""
        while True:
            started = time.perf_counter()
            try:
                result = await self._retry_outages(lambda: self._parts.transaction.apply(part, rejected))
            except PoisonRecord as poison:
                self._clear_cache()
                self._reject(rejected, DeadLetter(poison.record, poison.reason, poison.detail))
            except LanesMoved as lanes_moved:
                await self._reload(lanes_moved.lanes)
            except DeadLetterLimitExceeded:
                self._clear_cache()
                if len(part) == 1:
                    raise
                # What precedes the one too many goes through, or each resume would meet the same batch for ever.
                return False
            except (asyncpg.PostgresError, asyncpg.InterfaceError, UnicodeEncodeError) as error:
                self._clear_cache()
                if not is_data_error(error):
                    raise
                if len(part) > 1:
                    return False
                # The message may quote a value; the code never does.
                self._reject(
                    rejected, DeadLetter(part[0], "refused_by_database", getattr(error, "sqlstate", None) or "22000")
                )
            else:
                await self._record_result(result, part, started=started)
                return True

    def _reject(self, rejected: dict[Record, DeadLetter], dead_letter: DeadLetter) -> None:
        if dead_letter.record in rejected:
            raise RuntimeError(
                f"{dead_letter.record.lane}@{dead_letter.record.offset} is refused as a dead letter, too"
            )
        rejected[dead_letter.record] = dead_letter

    async def _record_result(self, result: BatchResult, part: Sequence[Record], *, started: float) -> None:
        metrics = self._parts.metrics
        metrics.records += result.records
        metrics.dead_letters += result.dead_letters
        metrics.batches += 1 if result.records else 0
        self._report_progress(result, part, started=started)
        for lane, offset in result.rewind_to.items():
            await self._rewind(lane, offset)
        if result.records < len(part) and not result.rewind_to:
            # Old records come after a take-over, and also when the topic was made anew under the same name.
            await self._retry_outages(lambda: self._verify_logs({lane for lane, _ in group_by_lane(part)}))

    def _report_progress(self, result: BatchResult, part: Sequence[Record], *, started: float) -> None:
        if self._parts.progress:
            hop_s = max(0.0, (real_now() - min(record.appended_at for record in part)).total_seconds())
            duration_s = time.perf_counter() - started
            self._parts.progress.record_commit(records=result.records, duration_s=duration_s, hop_s=hop_s)
        counts = {"records": result.records, "said": result.messages, "buried": result.dead_letters, **result.counts}
        log_batch(self._parts.log, "batch_applied", started=started, **counts)

    async def _rewind(self, lane: Lane, offset: int) -> None:
        if lane in self._rewound_lanes:
            return  # this part was read together with the one before it: that is no second look
        self._rewound_lanes.add(lane)
        if self._last_rewinds.get(lane) == offset:
            # It is truly not there. Compaction and markers of transactions leave such gaps; a lost log halts here.
            await self._retry_outages(lambda: self._verify_logs({lane}))
            self._parts.metrics.gaps += 1
            self._parts.transaction.known_gaps[lane] = offset
            self._parts.log.error("records_missing", topic=lane.topic, partition=lane.partition, offset=offset)
        self._last_rewinds[lane] = offset
        self._parts.subscriber.seek(lane, offset)

    async def _reload(self, lanes: Collection[Lane]) -> None:
        self._parts.metrics.fenced += 1
        self._parts.log.warning("lanes_moved_by_another", lanes=[str(lane) for lane in lanes])
        self._clear_cache()
        for lane in lanes:
            self._parts.transaction.lanes.pop(lane, None)
        await self.take_over(lanes)

    def _clear_cache(self) -> None:
        self._parts.handler.clear_cache()

    async def _load_lanes(self, lanes: Sequence[Lane]) -> None:
        client = self._parts.subscriber.client
        if client is None:
            raise AssignmentLost
        conn = await self._parts.connection.get()
        taken_lanes = await self._parts.takeover.take_over(conn, client, lanes)
        self._clear_cache()
        for lane, taken_lane in taken_lanes.items():
            self._parts.transaction.lanes[lane] = taken_lane.state
            # A gap is what two readings from one place have found; here both begin anew.
            self._last_rewinds.pop(lane, None)
            self._parts.transaction.known_gaps.pop(lane, None)
            self._parts.relay.take_over(
                lane, relayed_seq=taken_lane.relayed_seq, previous=taken_lane.previous, messages=taken_lane.unrelayed
            )
            self._parts.subscriber.seek(lane, taken_lane.state.next_offset)
        self._parts.subscription.on_assigned(lanes)

    async def _verify_logs(self, lanes: Collection[Lane]) -> None:
        client = self._parts.subscriber.client
        if client is not None:
            states = self._parts.transaction.lanes
            await self._parts.takeover.verify(client, {lane: states[lane] for lane in lanes})

    async def _retry_outages(self, operation: Callable[[], Awaitable[T]]) -> T:
        """Do it again, with back-off, for as long as servers are away and the lanes are ours."""
        backoff_s = _MIN_BACKOFF_S
        while True:
            try:
                result = await operation()
            except SERVER_ERRORS as error:
                if not is_outage(error):
                    raise
                await self._back_off(error, backoff_s)
            else:
                self.outage = None
                return result
            # Not whether it ended since we began: who had waited for the turn before the rebalance did gets it after.
            if self._parts.rebalance.is_revoked:
                raise AssignmentLost
            backoff_s = min(2 * backoff_s, _MAX_BACKOFF_S)

    def report_outage(self, error: Exception) -> None:
        """Say that a server is away: until that is over, standing still is no standstill."""
        self.outage = type(error).__name__
        if self._parts.progress:
            self._parts.progress.record_retry(self.outage)

    async def _back_off(self, error: Exception, backoff_s: float) -> None:
        self.report_outage(error)
        self._parts.metrics.retries += 1
        self._parts.log.warning("batch_delayed", fault=self.outage, retry_in_s=backoff_s)
        self._clear_cache()
        await self._parts.connection.discard()
        await self._parts.rebalance.sleep_until_revoked(backoff_s)
