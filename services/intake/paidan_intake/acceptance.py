"""Takes reports: the vault's commit, the photos' fsync, Kafka's acknowledgement, in that order, for many at once."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from math import inf
from typing import Any, Final

import asyncpg

from paidan_chassis.consumer.errors import Unacknowledged
from paidan_chassis.database import FAULTS
from paidan_chassis.encryption import Cipher
from paidan_chassis.kafka.producer import Publisher
from paidan_chassis.observability import logs
from paidan_contracts.reports import ReportReceived
from paidan_intake import photo_queries, queries, vault
from paidan_intake.messages import report_message
from paidan_intake.normalization import Draft
from paidan_intake.photos import Picture, Store
from paidan_intake.queries import Entry, Kept

_log = logs.logger()
_LARGEST_GROUP: Final = 500
_DOUBTED_S: Final = 2.0
_LONGEST_REST_S: Final = 0.005


class NotTaken(Exception):
    """Not taken for certain: a server is away or there is too much in hand. The same id makes a repeat harmless."""


class Clash(Exception):
    """The id is taken by a report that said something else."""


@dataclass(frozen=True, slots=True)
class Means:
    """Where reports are taken to."""

    pool: "asyncpg.Pool[Any]"
    publisher: Publisher
    store: Store
    cipher: Cipher


@dataclass(slots=True, eq=False)
class _Waiting:
    """A report in hand, and who waits for it."""

    draft: Draft
    pictures: Sequence[Picture]
    done: "asyncio.Future[ReportReceived]"
    report: ReportReceived = field(init=False)

    def __post_init__(self) -> None:
        self.report = self.draft.report

    def fails(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)


class Taking:
    """Reports of concurrent requests share a commit and a message batch; they leave in the order they came in."""

    def __init__(self, means: Means, owner: asyncio.TaskGroup, *, most_waiting: int, within_s: float) -> None:
        self._means = means
        self._owner = owner
        self._most_waiting = most_waiting
        self._within_s = within_s
        self._waiting: list[_Waiting] = []
        self._in_hand = 0
        self._woken = asyncio.Event()
        self._kept: asyncio.Queue[list[_Waiting]] = asyncio.Queue(maxsize=2)
        self._failed_at = -inf

    @property
    def works(self) -> bool:
        """Tell whether no group has failed of late. It comes true again by itself, or nobody would ever try."""
        return time.monotonic() - self._failed_at > _DOUBTED_S

    async def take(self, draft: Draft, pictures: Sequence[Picture] = ()) -> ReportReceived:
        """Return once the report is stored and Kafka has it, with the stamps it has in the log.

        A repeat gets the first one's stamps, area included: one id never stands in two lanes. Raises ``Clash``, or
        ``NotTaken`` when that has not happened in time; it may have been stored all the same.
        """
        if self._in_hand >= self._most_waiting:
            raise NotTaken("too many reports in hand")
        waiting = _Waiting(draft, pictures, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._in_hand += 1
        self._woken.set()
        try:
            async with asyncio.timeout(self._within_s):
                return await waiting.done
        except TimeoutError as error:
            raise NotTaken("not in time") from error
        finally:
            self._in_hand -= 1

    async def keep(self) -> None:
        """Commit to the vault, for ever, all that has gathered while the last group was being committed."""
        while True:
            await self._woken.wait()
            # In an outage many have been told to come again before their turn: those must not pile up.
            waiting = [each for each in self._waiting if not each.done.done()]
            group, self._waiting = waiting[:_LARGEST_GROUP], waiting[_LARGEST_GROUP:]
            if not self._waiting:
                self._woken.clear()
            began = time.monotonic()
            kept = await self._commit(group)
            rests_s = min(time.monotonic() - began, _LONGEST_REST_S)
            for each in kept:
                if each.pictures:
                    self._owner.create_task(self._store(each), name="store")
            if plain := [each for each in kept if not each.pictures]:
                await self._kept.put(plain)
            if len(group) < _LARGEST_GROUP:
                await asyncio.sleep(rests_s)  # commits cost more than what is in them: the next group may grow

    async def publish(self) -> None:
        """Send to Kafka, for ever, what is committed: one group after the other, so that none overtakes."""
        while True:
            if group := [each for each in await self._kept.get() if not each.done.done()]:
                await self._send(group)

    async def _commit(self, group: Sequence[_Waiting]) -> list[_Waiting]:
        try:
            async with asyncio.timeout(self._within_s):
                return await self._keep_group(group)
        except asyncpg.DataError as error:
            # What the contracts let through and the database does not must not cost its neighbours.
            if len(group) > 1:
                return [kept for each in group for kept in await self._commit([each])]
            return self._fail(group, error)
        except FAULTS as error:
            return self._fail(group, error)

    async def _keep_group(self, group: Sequence[_Waiting]) -> list[_Waiting]:
        first: dict[str, _Waiting] = {}
        for each in group:
            first.setdefault(each.report.report_id, each)
        new = await queries.keep(self._means.pool, [self._entry(each.draft) for each in first.values()])
        known = await queries.known(self._means.pool, first.keys() - new)
        for each in group:
            report = first[each.report.report_id].draft.report
            _settle(each, known.get(report.report_id) or Kept(report.digest, report.area, report.recorded_at))
        kept = [each for each in group if not each.done.done()]
        for each in kept:
            await self._hold(each)
        return kept

    def _entry(self, draft: Draft) -> Entry:
        report = draft.report
        return Entry(
            report_id=report.report_id,
            source=report.source,
            source_ref=report.source_ref,
            city=report.city,
            area=report.area,
            digest=report.digest,
            recorded_at=report.recorded_at,
            sealed=vault.seal(self._means.cipher, report.report_id, draft.private) if draft.private else None,
        )

    async def _hold(self, each: _Waiting) -> None:
        if each.pictures:
            refs = [picture.ref for picture in each.pictures]
            holder = f"source:{each.report.source}"
            at = each.report.recorded_at
            await photo_queries.hold(self._means.pool, refs, holder=holder, city=each.report.city, at=at)

    async def _store(self, each: _Waiting) -> None:
        # Beside the road, so that no ticket waits for a photo's disk.
        try:
            for picture in each.pictures:
                await self._means.store.save(picture)
        except OSError as error:
            self._fail([each], error)
            return
        await self._kept.put([each])

    async def _send(self, group: Sequence[_Waiting]) -> None:
        messages = [report_message(each.report) for each in group]
        try:
            await self._means.publisher.send(messages, within_s=self._within_s)
        except Unacknowledged as error:
            self._fail(group, error)
            return
        for each in group:
            if not each.done.done():
                each.done.set_result(each.report)

    def _fail(self, group: Sequence[_Waiting], error: BaseException) -> list[_Waiting]:
        self._failed_at = time.monotonic()
        _log.warning("reports_not_taken", reports=len(group), fault=type(error).__name__)
        for each in group:
            each.fails(NotTaken(type(error).__name__))
        return []


def _settle(each: _Waiting, kept: Kept) -> None:
    report = each.draft.report
    if kept.digest != report.digest:
        each.fails(Clash())
    elif (kept.area, kept.recorded_at) != (report.area, report.recorded_at):
        occurred_at = kept.recorded_at if report.occurred_at == report.recorded_at else report.occurred_at
        stamps = {"area": kept.area, "recorded_at": kept.recorded_at, "occurred_at": occurred_at}
        each.report = report.model_copy(update=stamps)


@asynccontextmanager
async def open_taking(means: Means, *, most_waiting: int, within_s: float) -> AsyncIterator[Taking]:
    """Take reports while the context is open."""
    async with asyncio.TaskGroup() as owner:
        taking = Taking(means, owner, most_waiting=most_waiting, within_s=within_s)
        tasks = [owner.create_task(taking.keep(), name="keep"), owner.create_task(taking.publish(), name="publish")]
        try:
            yield taking
        finally:
            for task in tasks:
                task.cancel()
