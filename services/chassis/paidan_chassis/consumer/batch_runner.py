"""Getting a batch through: outages waited out, poison singled out, moved lanes taken over anew."""

import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final, TypeVar

import asyncpg
from aiokafka.errors import KafkaError

from paidan_chassis.clock import real_now
from paidan_chassis.consumer import positions
from paidan_chassis.consumer.dead_letters import Burial, OneTooMany
from paidan_chassis.consumer.errors import Poison, Unacknowledged
from paidan_chassis.consumer.fence import Applied, Moved
from paidan_chassis.consumer.lane_state import by_lane, moved
from paidan_chassis.consumer.parts import Parts
from paidan_chassis.consumer.records import Lane, Record
from paidan_chassis.database import FAULTS, is_transient
from paidan_chassis.observability.logs import batch_line

T = TypeVar("T")

SERVER_FAULTS: Final = (*FAULTS, KafkaError, Unacknowledged)
"""What either server raises; whether it is only away for a while, ``is_outage`` tells."""

_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 1.0
# Classes of SQLSTATE that are the data's own fault: data exceptions, broken constraints, limits of a program.
_DATA_CLASSES: Final = frozenset({"22", "23", "54"})


def is_datas_fault(error: BaseException) -> bool:
    """Tell whether PostgreSQL, or the driver on its behalf, refuses the data and would refuse it for ever."""
    match error:
        case asyncpg.PostgresError():
            return (error.sqlstate or "")[:2] in _DATA_CLASSES
        case asyncpg.InterfaceError():
            return isinstance(error, ValueError)  # an argument that cannot be sent at all
        case _:
            return isinstance(error, UnicodeEncodeError)


def is_outage(error: BaseException) -> bool:
    """Tell whether PostgreSQL or Kafka is away for a while."""
    return is_transient(error) or isinstance(error, (KafkaError, Unacknowledged))


class EpochOver(Exception):
    """The lanes went to somebody else; what was begun for them is left to that owner."""


class Settling:
    """Applies batches until each record is applied, buried or somebody else's. Has its turn whenever it runs."""

    def __init__(self, parts: Parts) -> None:
        self.outage: str | None = None
        """What keeps the batch in hand from being applied, while something does."""
        self._parts = parts
        self._sought: dict[Lane, int] = {}
        self._went_back: set[Lane] = set()

    async def settle(self, records: Sequence[Record]) -> None:
        """Apply these records, which lie lane by lane; gives way when the epoch ends."""
        self._went_back.clear()
        doomed: dict[Record, Burial] = {}
        parts = [records]
        try:
            await self.take_over({lane for lane, _ in by_lane(records)})
            while parts:
                part = parts.pop()
                if not await self._through(part, doomed):
                    half = len(part) // 2
                    parts += [part[half:], part[:half]]
        except EpochOver:
            self._parts.log.info("batch_left_to_next_owner", records=len(records))

    async def take_over(self, lanes: Collection[Lane]) -> None:
        """Read where lanes stand and go there, with what they have not said yet; those that are ours already stay."""
        new = [lane for lane in sorted(lanes) if lane not in self._parts.fence.stands]
        if new:
            await self._persistently(lambda: self._take_over(new))

    async def compare(self) -> None:
        """Take over anew whichever lanes have moved without us: a database set back says nothing of it by itself."""
        stands = self._parts.fence.stands
        if not stands:
            return
        conn = await self._parts.session.connection()
        rows = await positions.read(conn, self._parts.reading.name, stands)
        if void := moved(stands, {lane: row.position for lane, row in rows.items()}, list(stands)):
            await self._begin_anew(void)

    async def _through(self, part: Sequence[Record], doomed: dict[Record, Burial]) -> bool:
        """Apply a part; False when only a smaller one may get through, for some record of it is refused or too many."""
        while True:
            started = time.perf_counter()
            try:
                applied = await self._persistently(lambda: self._parts.fence.apply(part, doomed))
            except Poison as poison:
                self._forget()
                self._doom(doomed, Burial(poison.record, poison.reason, poison.detail))
            except Moved as void:
                await self._begin_anew(void.lanes)
            except OneTooMany:
                self._forget()
                if len(part) == 1:
                    raise
                # What precedes the one too many goes through, or each resume would meet the same batch for ever.
                return False
            except (asyncpg.PostgresError, asyncpg.InterfaceError, UnicodeEncodeError) as error:
                self._forget()
                if not is_datas_fault(error):
                    raise
                if len(part) > 1:
                    return False
                # The message may quote a value; the code never does.
                self._doom(doomed, Burial(part[0], "refused_by_database", getattr(error, "sqlstate", None) or "22000"))
            else:
                await self._account(applied, part, started=started)
                return True

    def _doom(self, doomed: dict[Record, Burial], burial: Burial) -> None:
        if burial.record in doomed:
            raise RuntimeError(f"{burial.record.lane}@{burial.record.offset} is refused as a dead letter, too")
        doomed[burial.record] = burial

    async def _account(self, applied: Applied, part: Sequence[Record], *, started: float) -> None:
        figures = self._parts.figures
        figures.records += applied.records
        figures.dead_letters += applied.buried
        figures.batches += 1 if applied.records else 0
        self._tell(applied, part, started=started)
        for lane, offset in applied.ahead.items():
            await self._go_back(lane, offset)
        if applied.records < len(part) and not applied.ahead:
            # Old records come after a take-over, and also when the topic was made anew under the same name.
            await self._persistently(lambda: self._verify({lane for lane, _ in by_lane(part)}))

    def _tell(self, applied: Applied, part: Sequence[Record], *, started: float) -> None:
        if self._parts.progress:
            hop_s = max(0.0, (real_now() - min(record.appended_at for record in part)).total_seconds())
            took_s = time.perf_counter() - started
            self._parts.progress.committed(records=applied.records, took_s=took_s, hop_s=hop_s)
        counts = {"records": applied.records, "said": applied.said, "buried": applied.buried, **applied.counts}
        batch_line(self._parts.log, "batch_applied", started=started, **counts)

    async def _go_back(self, lane: Lane, offset: int) -> None:
        if lane in self._went_back:
            return  # this part was read together with the one before it: that is no second look
        self._went_back.add(lane)
        if self._sought.get(lane) == offset:
            # It is truly not there. Compaction and markers of transactions leave such gaps; a lost log halts here.
            await self._persistently(lambda: self._verify({lane}))
            self._parts.figures.gaps += 1
            self._parts.fence.tolerated[lane] = offset
            self._parts.log.error("records_missing", topic=lane.topic, partition=lane.partition, offset=offset)
        self._sought[lane] = offset
        self._parts.source.seek(lane, offset)

    async def _begin_anew(self, lanes: Collection[Lane]) -> None:
        self._parts.figures.fenced += 1
        self._parts.log.warning("lanes_moved_by_another", lanes=[str(lane) for lane in lanes])
        self._forget()
        for lane in lanes:
            self._parts.fence.stands.pop(lane, None)
        await self.take_over(lanes)

    def _forget(self) -> None:
        self._parts.handler.forget()

    async def _take_over(self, lanes: Sequence[Lane]) -> None:
        client = self._parts.source.client
        if client is None:
            raise EpochOver
        conn = await self._parts.session.connection()
        taken = await self._parts.anchoring.take_over(conn, client, lanes)
        self._forget()
        for lane, each in taken.items():
            self._parts.fence.stands[lane] = each.stand
            # A gap is what two readings from one place have found; here both begin anew.
            self._sought.pop(lane, None)
            self._parts.fence.tolerated.pop(lane, None)
            self._parts.relay.take_over(lane, relayed_seq=each.relayed_seq, previous=each.previous, said=each.unsaid)
            self._parts.source.seek(lane, each.stand.next_offset)
        self._parts.reading.gained(lanes)

    async def _verify(self, lanes: Collection[Lane]) -> None:
        client = self._parts.source.client
        if client is not None:
            stands = self._parts.fence.stands
            await self._parts.anchoring.verify(client, {lane: stands[lane] for lane in lanes})

    async def _persistently(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do it again, with back-off, for as long as servers are away and the lanes are ours."""
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                done = await work()
            except SERVER_FAULTS as error:
                if not is_outage(error):
                    raise
                await self._after_outage(error, pause_s)
            else:
                self.outage = None
                return done
            # Not whether it ended since we began: who had waited for the turn before the rebalance did gets it after.
            if self._parts.ownership.over:
                raise EpochOver
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def held_up(self, error: Exception) -> None:
        """Say that a server is away: until that is over, standing still is no standstill."""
        self.outage = type(error).__name__
        if self._parts.progress:
            self._parts.progress.retrying(self.outage)

    async def _after_outage(self, error: Exception, pause_s: float) -> None:
        self.held_up(error)
        self._parts.figures.retries += 1
        self._parts.log.warning("batch_delayed", fault=self.outage, retry_in_s=pause_s)
        self._forget()
        await self._parts.session.discard()
        await self._parts.ownership.pause(pause_s)
