"""Publishes the newest figure of each score: what moved since the last time, together, beside the lanes."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from paidan_chassis.clock import Clock
from paidan_chassis.consumer.errors import Halt, Unacknowledged
from paidan_chassis.consumer.records import Message
from paidan_chassis.database import Connection, Pool, is_transient
from paidan_chassis.kafka.cloudevents import Attributes, encode
from paidan_chassis.kafka.producer import Publisher
from paidan_chassis.observability import logs
from paidan_chassis.observability.health import Progress
from paidan_contracts.ids import named
from paidan_contracts.scores import ScoreUpdated
from paidan_contracts.topics import SCORES
from paidan_scoring import publish_queries
from paidan_scoring.api import queries
from paidan_scoring.city_packs import Packs, PackSeen
from paidan_scoring.indicator_values import DIMENSIONS, ScoreName
from paidan_scoring.periods import Period
from paidan_scoring.publish_queries import Edition, Figure, Marked

_AT_ONCE: Final = 2000
# Of the time that passes, figures take one part in this many at most, however large a month has become.
_SHARE_OF_TIME: Final = 20
# A loop that gives no sign of life for a minute is ended: however dear figures have become, they rest less than that.
_LONGEST_REST_S: Final = 20.0
_SENT_WITHIN_S: Final = 5.0
_log = logs.logger(loop="scores")


@dataclass(frozen=True, slots=True)
class Means:
    """What publishing works with."""

    pool: Pool
    packs: Packs
    publisher: Publisher
    clock: Clock


class Scores:
    """Brings ``paidan.scores`` up to date. Of several processes one publishes at a time."""

    def __init__(self, means: Means, *, every_s: float) -> None:
        self._means = means
        self._every_s = every_s
        self._in_use: dict[str, str] = {}
        self._unreadable: set[str] = set()

    async def run(self, stop: asyncio.Event, beat: Progress) -> None:
        """Publish what moved, again and again, until told to stop. While a server is away, wait for it."""
        while not stop.is_set():
            began, rest_s = time.monotonic(), self._every_s
            try:
                await self.publish()
                beat.polled()
                rest_s = resting_s(time.monotonic() - began, every_s=self._every_s)
            except Unacknowledged as error:
                beat.retrying(type(error).__name__)
            except Exception as error:
                if not is_transient(error):
                    raise
                beat.retrying(type(error).__name__)
            await _wait(stop, rest_s)

    async def publish(self) -> int:
        """Compute what moved, publish what changed, and tell how many figures that was."""
        async with self._means.pool.acquire() as conn:
            if not await publish_queries.become_publisher(conn):
                return 0
            try:
                if await queries.rebuilding(conn):
                    return 0
                await self._compute(conn)
                return await self._send(conn)
            finally:
                await publish_queries.resign(conn)

    async def _compute(self, conn: Connection) -> None:
        in_use = await queries.packs_in_use(conn)
        for city, version in in_use.items():
            await self._notice_redefinition(conn, city, version)
        for marked in await publish_queries.marks(conn):
            pack = await self._pack(in_use.get(marked.city, ""))
            if pack:
                async with conn.transaction():
                    await self._edit(conn, pack, marked)
                    await publish_queries.unmark(conn, marked.mark_ids)

    async def _pack(self, version: str) -> PackSeen | None:
        """Give a pack. One that this release cannot read leaves its city's figures, and the lanes, as they are."""
        try:
            return await self._means.packs.get(version)
        except Halt as unreadable:
            if version not in self._unreadable:
                _log.warning("pack_unreadable", version=version, reason=unreadable.reason)
            self._unreadable.add(version)
            return None

    async def _edit(self, conn: Connection, pack: PackSeen, marked: Marked) -> None:
        for period in _periods(marked.days):
            found = await publish_queries.tallies(conn, pack.id, period, DIMENSIONS)
            figures = [
                Figure(ScoreName(pack.id, period.name, by, line.key, rate), share)
                for by, tallies in found.items()
                for line in pack.reckoner.lines(tallies)
                for rate, share in line.rates.items()
            ]
            defined, now = pack.indicators.version, self._means.clock.now()
            await publish_queries.put(conn, Edition(pack.id, period.name, defined, now, figures))

    async def _notice_redefinition(self, conn: Connection, city: str, version: str) -> None:
        """Mark all days of a city whose published figures follow an older version of its indicators."""
        if self._in_use.get(city) != version:
            if pack := await self._pack(version):
                await publish_queries.mark_if_redefined(conn, city, indicator_version=pack.indicators.version)
            self._in_use[city] = version

    async def _send(self, conn: Connection) -> int:
        number = 0
        while scores := await publish_queries.unpublished(conn, _AT_ONCE):
            await self._means.publisher.send([message(score) for score in scores], within_s=_SENT_WITHIN_S)
            await publish_queries.note_published(conn, scores)
            number += len(scores)
        if number:
            _log.info("scores_published", scores=number)
        return number


def message(score: ScoreUpdated) -> Message:
    """Write a figure as it goes to Kafka; a repeat has the same id."""
    attributes = Attributes(
        id=str(named("score version", score.score_id, score.version)),
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


def resting_s(took_s: float, *, every_s: float) -> float:
    """Tell how long to rest after publishing took so long."""
    return min(max(every_s, took_s * _SHARE_OF_TIME), _LONGEST_REST_S)


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
