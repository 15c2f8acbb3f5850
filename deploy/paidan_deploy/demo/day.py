"""Plays one day of the demo city: puts its people to work, lets the clock run, and ends when the day does."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from random import Random
from typing import Any, Final

from aiokafka import AIOKafkaProducer

from paidan_chassis.clock import Scale, ScaledClock, read_scale, real_now, set_scale
from paidan_contracts.city import City
from paidan_contracts.topics import answers_of, orders_of
from paidan_deploy.provisioning.api_keys import Connection
from paidan_deploy.stack.stack import Installation

from .answer_clients import (
    HttpVoice,
    KafkaVoice,
    listen_on_kafka,
    listen_over_http,
    take_up,
)
from .behaviour import Manner
from .clock_throttle import Leash
from .departments import Office, World
from .http_client import Face
from .keys import Badges
from .monitor import Monitor
from .pictures import photograph
from .plan import Size, plan
from .scheduler import Agenda
from .sources import Reporters
from .staff import Staff

SEED: Final = 20
_DAY: Final = timedelta(days=1)
_A_BREATH: Final = timedelta(seconds=1)
Show = Callable[[datetime, Leash], None]


@dataclass(frozen=True, slots=True)
class Day:
    """A day to be lived: from this midnight on, in so many seconds."""

    city: City
    midnight: datetime
    lasts_s: float

    @property
    def ends(self) -> datetime:
        """The next midnight."""
        return self.midnight + _DAY


async def next_day(connection: Connection, city: City, lasts_s: float) -> Day:
    """Name the day after all that has been lived already: the clock is never set back."""
    scale = await read_scale(connection)
    present = scale.city_time(real_now()) if scale else real_now()
    tomorrow = city.local_day(present) + _DAY
    return Day(city, datetime.combine(tomorrow, time(), city.zone), lasts_s)


@dataclass(slots=True)
class Stage:
    """Everything that a played day stands on."""

    at: Installation
    day: Day
    badges: Badges
    clock: ScaledClock
    agenda: Agenda
    chance: Random
    world: World
    opened: AsyncExitStack

    def face(self, service: str, token: str) -> Face:
        """Open a client of one service."""
        face = Face(self.at.url(service), token)
        self.opened.push_async_callback(face.close)
        return face


async def play(at: Installation, connection: Connection, day: Day, show: Show) -> float:
    """Live the day, and tell for how many seconds its clock waited for a slow machine.

    What the city's people did not finish, the next day's take up from their snapshots.
    """
    planned = await asyncio.to_thread(plan, day.city, day.midnight.date(), Size(), seed=SEED)
    async with AsyncExitStack() as opened:
        badges = await opened.enter_async_context(Badges.handed_out(connection, day.city))
        monitor = Monitor(at.kafka, at.topic_prefix)
        await monitor.start()
        async with _stage(at, connection, day, badges, opened) as stage:
            reporters = Reporters({source: stage.face("intake", token) for source, token in badges.sources.items()})
            reporters.note(stage.agenda, planned)
            leash = Leash(at.database, day.midnight, stage.clock, stage.agenda, reporters, monitor.seen, len(planned))
            opened.push_async_callback(leash.close)
            await _live(stage, monitor, leash, show)
    return leash.waited_s


@asynccontextmanager
async def _stage(
    at: Installation, connection: Connection, day: Day, badges: Badges, opened: AsyncExitStack
) -> AsyncIterator[Stage]:
    scale = await _started(connection, day)
    clock = ScaledClock(scale)
    chance = Random(f"{day.midnight.date()} {SEED}")  # noqa: S311  # a demonstration, not a secret
    yield Stage(at, day, badges, clock, Agenda(clock), chance, World(), opened)


async def _started(connection: Connection, day: Day) -> Scale:
    """Let the day begin: at midnight, or at once where making it ready took until past it. Its people let it run."""
    present = await read_scale(connection)
    starts = max(day.midnight, present.city_time(real_now()) + _A_BREATH) if present else day.midnight
    factor = _DAY.total_seconds() / day.lasts_s
    return await set_scale(connection, starts=starts, factor=factor, fast_until=starts)


async def _live(stage: Stage, monitor: Monitor, leash: Leash, show: Show) -> None:
    people = [*await _offices(stage), *_staff(stage), stage.agenda.keep(), monitor.follow()]
    working = [asyncio.create_task(each) for each in people]
    try:
        while stage.clock.now() < stage.day.ends:
            await leash.lengthen()
            show(stage.clock.now(), leash)
            done, _ = await asyncio.wait(working, timeout=0.2, return_when=asyncio.FIRST_COMPLETED)
            for ended in done:
                ended.result()  # nobody stops working before the day ends: this raises why
        show(stage.day.ends, leash)
    finally:
        for each in working:
            each.cancel()
        await asyncio.gather(*working, return_exceptions=True)


async def _offices(stage: Stage) -> list[Coroutine[Any, Any, None]]:
    producer = AIOKafkaProducer(bootstrap_servers=stage.at.kafka, acks="all", enable_idempotence=True)
    await producer.start()
    stage.opened.push_async_callback(producer.stop)
    listening: list[Coroutine[Any, Any, None]] = []
    for department in stage.day.city.departments.values():
        token, prefix = stage.badges.departments[department.id], stage.at.topic_prefix
        face = stage.face("dispatch", token)
        by_kafka = department.channel == "kafka"
        answers = answers_of(department.id).under(prefix)
        voice = KafkaVoice(producer, answers) if by_kafka else HttpVoice(face)
        manner = Manner.of(Random(department.id))  # noqa: S311  # an office's habits are its own, every day
        office = Office(department.id, voice, stage.agenda, stage.world, stage.chance, manner)
        office.proof = (await _proof(stage, token),)
        await take_up(office, face)
        if by_kafka:
            listening.append(listen_on_kafka(office, stage.at.kafka, orders_of(department.id).under(prefix)))
        else:
            listening.append(listen_over_http(office, face, every_s=2.0))
    return listening


async def _proof(stage: Stage, token: str) -> str:
    picture = photograph(stage.chance, 36.65, 117.02)
    kept = await stage.face("intake", token).post("/v1/photos", content=picture, headers={"content-type": "image/jpeg"})
    return str(kept["ref"])


def _staff(stage: Stage) -> list[Coroutine[Any, Any, None]]:
    city = stage.day.city.id

    def hired(role: str) -> Staff:
        face = stage.face("dispatch", stage.badges.roles[role])
        return Staff(face, city, stage.agenda, stage.world, stage.chance)

    placing = [department.id for department in stage.day.city.departments.values() if department.district]
    return [
        hired("inspector").inspect(),
        hired("inspector").verify(),
        hired("caller").call_back(),
        hired("operator").place(placing),
    ]
