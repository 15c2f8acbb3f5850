"""Computes and publishes the scores that changed since the last time, beside the lanes."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from paidan_chassis import city_packs
from paidan_chassis.clock import Clock
from paidan_chassis.consumer.rebuild_queries import is_reading
from paidan_chassis.database import Connection, Pool, is_transient
from paidan_chassis.errors import Halt, Unacknowledged
from paidan_chassis.kafka.producer import Publisher
from paidan_chassis.observability import logs
from paidan_chassis.observability.health import LoopProgress
from paidan_scoring import publish_queries
from paidan_scoring.city_packs import PackCache, ScoringPack
from paidan_scoring.indicator_values import DIMENSIONS, ScoreName
from paidan_scoring.messages import score_message
from paidan_scoring.periods import Period
from paidan_scoring.publish_queries import DirtyDays, ScoreSet, ScoreValue
from paidan_scoring.settings import CONSUMER

_BATCH_SIZE: Final = 2000
# Computing takes one part in this many of the time that passes at most, however large a month has become.
_REST_FACTOR: Final = 20
# The watchdog ends a loop that reports nothing for a minute: a rest is shorter, however long computing has taken.
_MAX_REST_S: Final = 20.0
_SEND_TIMEOUT_S: Final = 5.0
_log = logs.get_logger(loop="scores")


@dataclass(frozen=True, slots=True)
class PublisherContext:
    """Connections and packs that the publisher uses."""

    pool: Pool
    packs: PackCache
    publisher: Publisher
    clock: Clock


class ScorePublisher:
    """Keeps ``paidan.scores`` up to date. Of several processes one publishes at a time."""

    def __init__(self, context: PublisherContext, *, interval_s: float) -> None:
        self._context = context
        self._interval_s = interval_s
        self._checked_versions: dict[str, str] = {}
        self._unreadable_versions: set[str] = set()

    async def run(self, stop: asyncio.Event, progress: LoopProgress) -> None:
        """Publish what changed at every interval until ``stop`` is set. Outages are waited out."""
        while not stop.is_set():
            started, rest_s = time.monotonic(), self._interval_s
            try:
                await self.publish()
                progress.record_poll()
                rest_s = rest_duration_s(time.monotonic() - started, interval_s=self._interval_s)
            except Unacknowledged as error:
                progress.record_retry(type(error).__name__)
            except Exception as error:
                if not is_transient(error):
                    raise
                progress.record_retry(type(error).__name__)
            await _sleep_or_stop(stop, rest_s)

    async def publish(self) -> int:
        """Compute the days that changed and publish their scores; return how many, 0 if another process does."""
        async with self._context.pool.acquire() as conn:
            if not await publish_queries.try_lock(conn):
                return 0
            try:
                if await is_reading(conn, CONSUMER):
                    return 0
                await self._compute(conn)
                return await self._send(conn)
            finally:
                await publish_queries.unlock(conn)

    async def _compute(self, conn: Connection) -> None:
        newest_versions = await city_packs.load_newest_versions(conn)
        for city, version in newest_versions.items():
            await self._mark_if_redefined(conn, city, version)
        for dirty in await publish_queries.load_dirty_days(conn):
            pack = await self._load_pack(newest_versions.get(dirty.city, ""))
            if pack:
                async with conn.transaction():
                    await self._compute_scores(conn, pack, dirty)
                    await publish_queries.delete_marks(conn, dirty.mark_ids)

    async def _load_pack(self, version: str) -> ScoringPack | None:
        """Return a pack; None for one that this release cannot read: its city's scores stay as they are."""
        try:
            return await self._context.packs.get(version)
        except Halt as error:
            if version not in self._unreadable_versions:
                _log.warning("pack_unreadable", version=version, reason=error.reason)
            self._unreadable_versions.add(version)
            return None

    async def _compute_scores(self, conn: Connection, pack: ScoringPack, dirty: DirtyDays) -> None:
        for period in _periods(dirty.days):
            tallies_by_dimension = await publish_queries.load_tallies(conn, pack.id, period, DIMENSIONS)
            values = [
                ScoreValue(ScoreName(pack.id, period.name, dimension, row.key, indicator), ratio)
                for dimension, tallies in tallies_by_dimension.items()
                for row in pack.calculator.score_rows(tallies)
                for indicator, ratio in row.rates.items()
            ]
            indicator_version, now = pack.indicators.version, self._context.clock.now()
            await publish_queries.save_scores(conn, ScoreSet(pack.id, period.name, indicator_version, now, values))

    async def _mark_if_redefined(self, conn: Connection, city: str, version: str) -> None:
        """Mark all days of a city whose published scores follow an older version of its indicators."""
        if self._checked_versions.get(city) != version:
            if pack := await self._load_pack(version):
                await publish_queries.mark_if_redefined(conn, city, indicator_version=pack.indicators.version)
            self._checked_versions[city] = version

    async def _send(self, conn: Connection) -> int:
        count = 0
        while scores := await publish_queries.load_unpublished(conn, _BATCH_SIZE):
            await self._context.publisher.send([score_message(score) for score in scores], timeout_s=_SEND_TIMEOUT_S)
            await publish_queries.save_published(conn, scores)
            count += len(scores)
        if count:
            _log.info("scores_published", scores=count)
        return count


def _periods(days: frozenset[date]) -> Iterator[Period]:
    for day in sorted(days):
        yield Period.day(day)
    months = {Period.month_of(day).name for day in days}
    yield from (Period.parse(month) for month in sorted(months))


def rest_duration_s(elapsed_s: float, *, interval_s: float) -> float:
    """Return the rest that follows a publication that took so long."""
    return min(max(interval_s, elapsed_s * _REST_FACTOR), _MAX_REST_S)


async def _sleep_or_stop(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
