"""Accepts reports in groups: the vault's commit, the photos' fsync, Kafka's acknowledgement, in that order."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from typing import Final

import asyncpg

from paidan_chassis.database import DB_ERRORS, Pool
from paidan_chassis.encryption import Cipher
from paidan_chassis.errors import Unacknowledged
from paidan_chassis.kafka.producer import Publisher
from paidan_chassis.observability import logs
from paidan_contracts.reports import ReportReceived
from paidan_intake import queries, vault
from paidan_intake.messages import report_message
from paidan_intake.normalization import NormalizedReport
from paidan_intake.photos import PhotoStore, SanitizedPhoto
from paidan_intake.report_digest import KnownReport, UnknownDigestKey

_log = logs.get_logger()
_MAX_GROUP_SIZE: Final = 500
_UNHEALTHY_AFTER_FAILURE_S: Final = 2.0
_MAX_PAUSE_S: Final = 0.005
_EXPIRY_INTERVAL_S: Final = 0.05


class NotStored(Exception):
    """The outcome is unknown: a server is down, or too many reports are pending. It is safe to send it again."""


class IdReused(Exception):
    """Another report with other content has this id."""


@dataclass(frozen=True, slots=True)
class WriterContext:
    """The stores, the producer and the keys that accepting a report needs."""

    pool: Pool
    publisher: Publisher
    photo_store: PhotoStore
    cipher: Cipher
    last_heard: dict[str, datetime]  # by source


@dataclass(slots=True, eq=False)
class _PendingReport:
    """A report that is being accepted, and the future of its request."""

    normalized: NormalizedReport
    photos: Sequence[SanitizedPhoto]
    future: "asyncio.Future[ReportReceived]"
    due_at: float
    report: ReportReceived = field(init=False)

    def __post_init__(self) -> None:
        self.report = self.normalized.report

    def fail(self, error: Exception) -> None:
        if not self.future.done():
            self.future.set_exception(error)


class ReportWriter:
    """Accepts reports. Concurrent requests share a commit and a message batch; reports keep their order."""

    def __init__(
        self, context: WriterContext, task_group: asyncio.TaskGroup, *, max_pending: int, timeout_s: float
    ) -> None:
        self._context = context
        self._task_group = task_group
        self._max_pending = max_pending
        self._timeout_s = timeout_s
        self._pending: list[_PendingReport] = []
        self._unanswered: deque[_PendingReport] = deque()  # in order of their time
        self._in_flight = 0
        self._wakeup = asyncio.Event()
        self._committed: asyncio.Queue[list[_PendingReport]] = asyncio.Queue(maxsize=2)
        self._failed_at = -inf

    @property
    def is_healthy(self) -> bool:
        """Whether no group failed in the last 2 s; only the next group can show whether the servers are back."""
        return time.monotonic() - self._failed_at > _UNHEALTHY_AFTER_FAILURE_S

    async def write(self, normalized: NormalizedReport, photos: Sequence[SanitizedPhoto] = ()) -> ReportReceived:
        """Return the report once it is stored and Kafka has acknowledged it.

        A repeat gets the first report's digest, area and times, so that an id is in one partition only. Raises
        ``IdReused``, ``UnknownDigestKey``, or ``NotStored`` after a timeout or an error; it may be stored all the same.
        """
        if self._in_flight >= self._max_pending:
            raise NotStored("too many reports are pending")
        due_at = time.monotonic() + self._timeout_s
        pending = _PendingReport(normalized, photos, asyncio.get_running_loop().create_future(), due_at)
        self._pending.append(pending)
        self._unanswered.append(pending)
        self._in_flight += 1
        self._wakeup.set()
        try:
            return await pending.future
        finally:
            self._in_flight -= 1

    async def expire_loop(self) -> None:
        """Fail, for ever, the reports whose time is up. One timer for all: one each costs more than the encryption."""
        while True:
            await asyncio.sleep(_EXPIRY_INTERVAL_S)
            now = time.monotonic()
            while self._unanswered and (self._unanswered[0].due_at <= now or self._unanswered[0].future.done()):
                self._unanswered.popleft().fail(NotStored("timed out"))

    async def commit_loop(self) -> None:
        """Commit to the vault, for ever, all reports that arrived while the last group was being committed."""
        while True:
            await self._wakeup.wait()
            # In an outage many requests time out before their turn: their reports must not pile up.
            pending = [each for each in self._pending if not each.future.done()]
            group, self._pending = pending[:_MAX_GROUP_SIZE], pending[_MAX_GROUP_SIZE:]
            if not self._pending:
                self._wakeup.clear()
            started = time.monotonic()
            committed = await self._commit(group)
            pause_s = min(time.monotonic() - started, _MAX_PAUSE_S)
            for each in committed:
                if each.photos:
                    self._task_group.create_task(self._store_photos(each), name="store")
            if without_photos := [each for each in committed if not each.photos]:
                await self._committed.put(without_photos)
            if len(group) < _MAX_GROUP_SIZE:
                await asyncio.sleep(pause_s)  # a commit costs more than its rows: let the next group grow

    async def publish_loop(self) -> None:
        """Send committed reports to Kafka, for ever, one group after the other, so that reports keep their order."""
        while True:
            if group := [each for each in await self._committed.get() if not each.future.done()]:
                await self._send(group)

    async def _commit(self, group: Sequence[_PendingReport]) -> list[_PendingReport]:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._insert_group(group)
        except asyncpg.DataError as error:
            # A value that the contracts accept and the database rejects must not fail the other reports of the group.
            if len(group) > 1:
                return [committed for each in group for committed in await self._commit([each])]
            return self._fail(group, error)
        except DB_ERRORS as error:
            return self._fail(group, error)

    async def _insert_group(self, group: Sequence[_PendingReport]) -> list[_PendingReport]:
        first: dict[str, _PendingReport] = {}
        for each in group:
            first.setdefault(each.report.report_id, each)
        are_all_new = await vault.save_new_reports(
            self._context.pool, [vault.new_entry(each.normalized, self._context.cipher) for each in first.values()]
        )
        self._context.last_heard.update((each.report.source, each.report.recorded_at) for each in first.values())
        if not are_all_new or len(first) < len(group):
            # A new report is its own first one, which it matches.
            known = await vault.load_known_reports(self._context.pool, first.keys())
            for each in group:
                first_one = first[each.report.report_id].normalized.as_first()
                _apply_known_report(each, known.get(each.report.report_id, first_one))
        accepted = [each for each in group if not each.future.done()]
        for each in accepted:
            if each.photos:
                await self._save_photo_holder(each)
        return accepted

    async def _save_photo_holder(self, pending: _PendingReport) -> None:
        report, refs = pending.report, [photo.ref for photo in pending.photos]
        await queries.save_photo_holder(
            self._context.pool,
            refs,
            holder=f"source:{report.source}",
            city=report.city,
            received_at=report.recorded_at,
        )

    async def _store_photos(self, pending: _PendingReport) -> None:
        # In a task of its own, so that no ticket waits for the disk.
        try:
            for photo in pending.photos:
                await self._context.photo_store.save(photo)
        except OSError as error:
            self._fail([pending], error)
            return
        await self._committed.put([pending])

    async def _send(self, group: Sequence[_PendingReport]) -> None:
        messages = [report_message(each.report) for each in group]
        try:
            await self._context.publisher.send(messages, timeout_s=self._timeout_s)
        except Unacknowledged as error:
            self._fail(group, error)
            return
        for each in group:
            if not each.future.done():
                each.future.set_result(each.report)

    def _fail(self, group: Sequence[_PendingReport], error: BaseException) -> list[_PendingReport]:
        self._failed_at = time.monotonic()
        _log.warning("reports_not_taken", reports=len(group), fault=type(error).__name__)
        for each in group:
            each.fail(NotStored(type(error).__name__))
        return []


def _apply_known_report(pending: _PendingReport, known: KnownReport) -> None:
    report = pending.normalized.report
    try:
        is_same = pending.normalized.digest.matches(known.digest, known.digest_key)
    except UnknownDigestKey as error:
        pending.fail(error)
        return
    if not is_same:
        pending.fail(IdReused())
    elif known != pending.normalized.as_first():
        pending.report = known.repeated_by(report)


@asynccontextmanager
async def open_report_writer(
    context: WriterContext, *, max_pending: int, timeout_s: float
) -> AsyncIterator[ReportWriter]:
    """Open a writer that accepts reports while the context is open."""
    async with asyncio.TaskGroup() as task_group:
        writer = ReportWriter(context, task_group, max_pending=max_pending, timeout_s=timeout_s)
        loops = {"commit": writer.commit_loop, "publish": writer.publish_loop, "expire": writer.expire_loop}
        tasks = [task_group.create_task(loop(), name=name) for name, loop in loops.items()]
        try:
            yield writer
        finally:
            for task in tasks:
                task.cancel()
