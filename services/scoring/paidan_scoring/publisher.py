"""Publishes the newest figure of each score: what moved since the last time, together, beside the lanes."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from paidan_chassis.clock import Clock
from paidan_chassis.database import Connection, Pool, is_transient
from paidan_chassis.errors import Halt, Unacknowledged
from paidan_chassis.kafka.cloudevents import CloudEventAttributes, encode
from paidan_chassis.kafka.message import Message
from paidan_chassis.kafka.producer import Publisher
from paidan_chassis.observability import logs
from paidan_chassis.observability.health import LoopProgress
from paidan_contracts.ids import cause_id
from paidan_contracts.scores import ScoreUpdated
from paidan_contracts.topics import SCORES
from paidan_scoring import publish_queries
from paidan_scoring.api import queries
from paidan_scoring.city_packs import PackCache, ScoringPack
from paidan_scoring.indicator_values import DIMENSIONS, ScoreName
from paidan_scoring.periods import Period
from paidan_scoring.publish_queries import DirtyDays, ScoreSet, ScoreValue

_BATCH_SIZE: Final = 2000
# Of the time that passes, figures take one part in this many at most, however large a month has become.
_REST_FACTOR: Final = 20
# A loop that gives no sign of life for a minute is ended: however dear figures have become, they rest less than that.
_MAX_REST_S: Final = 20.0
_SEND_TIMEOUT_S: Final = 5.0
_log = logs.get_logger(loop="scores")


@dataclass(frozen=True, slots=True)
class PublisherContext:
    """What publishing works with."""

    pool: Pool
    packs: PackCache
    publisher: Publisher
    clock: Clock


class ScorePublisher:
    """Brings ``paidan.scores`` up to date. Of several processes one publishes at a time."""

    def __init__(self, means: PublisherContext, *, interval_s: float) -> None:
        self._context = means
        self._interval_s = interval_s
        self._versions_in_use: dict[str, str] = {}
        self._unreadable_versions: set[str] = set()

    async def run(self, stop: asyncio.Event, progress: LoopProgress) -> None:
        """Publish what moved, again and again, until told to stop. While a server is away, wait for it."""
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
        """Compute what moved, publish what changed, and tell how many figures that was."""
        async with self._context.pool.acquire() as conn:
            if not await publish_queries.try_lock(conn):
                return 0
            try:
                if await queries.is_rebuilding(conn):
                    return 0
                await self._compute(conn)
                return await self._send(conn)
            finally:
                await publish_queries.unlock(conn)

    async def _compute(self, conn: Connection) -> None:
        versions_in_use = await queries.load_pack_versions(conn)
        for city, version in versions_in_use.items():
            await self._mark_if_redefined(conn, city, version)
        for dirty in await publish_queries.load_dirty_days(conn):
            pack = await self._load_pack(versions_in_use.get(dirty.city, ""))
            if pack:
                async with conn.transaction():
                    await self._compute_scores(conn, pack, dirty)
                    await publish_queries.delete_marks(conn, dirty.mark_ids)

    async def _load_pack(self, version: str) -> ScoringPack | None:
        """Give a pack. One that this release cannot read leaves its city's figures, and the lanes, as they are."""
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
        """Mark all days of a city whose published figures follow an older version of its indicators."""
        if self._versions_in_use.get(city) != version:
            if pack := await self._load_pack(version):
                await publish_queries.mark_if_redefined(conn, city, indicator_version=pack.indicators.version)
            self._versions_in_use[city] = version

    async def _send(self, conn: Connection) -> int:
        count = 0
        while scores := await publish_queries.load_unpublished(conn, _BATCH_SIZE):
            await self._context.publisher.send([score_message(score) for score in scores], timeout_s=_SEND_TIMEOUT_S)
            await publish_queries.save_published(conn, scores)
            count += len(scores)
        if count:
            _log.info("scores_published", scores=count)
        return count


def score_message(score: ScoreUpdated) -> Message:
    """Write a figure as it goes to Kafka; a repeat has the same id."""
    attributes = CloudEventAttributes(
        id=str(cause_id("score version", score.score_id, score.version)),
        source="/paidan/scoring",
        type=score.type,
        time=score.computed_at,
        subject=score.score_id,
        partitionkey=score.score_id,
    )
    return Message(SCORES.name, score.score_id, score.model_dump_json().encode(), tuple(encode(attributes)))


def _periods(days: frozenset[date]) -> Iterator[Period]:
    for day in sorted(days):
        yield Period.day(day)
    months = {Period.month_of(day).name for day in days}
    yield from (Period.parse(month) for month in sorted(months))


def rest_duration_s(elapsed_s: float, *, interval_s: float) -> float:
    """Tell how long to rest after publishing took so long."""
    return min(max(interval_s, elapsed_s * _REST_FACTOR), _MAX_REST_S)


async def _sleep_or_stop(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
