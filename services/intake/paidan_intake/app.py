"""What intake opens, in order, and what it listens to."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from fastapi import FastAPI

from paidan_chassis import clock, database
from paidan_chassis.clock import Clock
from paidan_chassis.consumer import LaneConsumer, Subscription
from paidan_chassis.database import Pool
from paidan_chassis.edge import Face, create_edge
from paidan_chassis.kafka import Kafka, TopicShape
from paidan_chassis.keys import KeyRing
from paidan_chassis.process import Owner, Process, Running
from paidan_chassis.producer import Publisher
from paidan_chassis.work import Handler
from paidan_contracts.topics import ALARMS, CASES, OUTCOMES, TOPICS
from paidan_intake import api
from paidan_intake.cities import Cities, open_cities
from paidan_intake.handlers import Following, Screening
from paidan_intake.limits import Buckets
from paidan_intake.links import Signer
from paidan_intake.photos import Limits, Store, open_darkroom
from paidan_intake.settings import Settings
from paidan_intake.taking import Means, open_taking
from paidan_intake.vault import Cipher

SCHEMA: Final = "intake"
VERSION: Final = "0.1.0"
_SHAPES: Final = {topic.name: TopicShape(topic.partitions, topic.config()) for topic in TOPICS}
# Names of consumer groups and first parts of ce_origin: they must never change.
_ALARMS: Final = Subscription("intake-alarms", topics=(ALARMS.name,))
_STANDING: Final = Subscription("intake-standing", topics=(OUTCOMES.name, CASES.name))


@dataclass(frozen=True, slots=True)
class _Ground:
    """What both parts stand on."""

    settings: Settings
    running: Process
    pool: Pool
    kafka: Kafka
    clock: Clock
    cities: Cities


@asynccontextmanager
async def build(settings: Settings, running: Process) -> AsyncIterator[Running]:
    """Open what the parts that are asked for need."""
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(
            database.open_pool(settings.database, schema=SCHEMA, size=settings.pool_size)
        )
        ground = _Ground(
            settings=settings,
            running=running,
            pool=pool,
            kafka=Kafka(settings.kafka, settings.topic_prefix, shape=_SHAPES.__getitem__),
            clock=await stack.enter_async_context(clock.open_clock(settings.clock, pool)),
            cities=await stack.enter_async_context(open_cities(pool, reread_s=settings.packs_reread_s)),
        )
        loops = await _loops(stack, ground) if "loop" in running.parts else {}
        edge = await _edge(stack, ground) if "edge" in running.parts else None
        yield Running(loops=loops, edge=edge)


async def _loops(stack: AsyncExitStack, ground: _Ground) -> dict[str, Owner]:
    """Build the two consumers: alarms to be screened, and what became of reports."""
    screening = Screening(
        ground.cities,
        lambda record: ground.clock.city_time(record.appended_at),
        lambda cause, number: ground.running.metrics.count("paidan_outcomes_total", number, outcome=cause),
    )
    heard: tuple[tuple[Subscription, Handler], ...] = ((_ALARMS, screening), (_STANDING, Following()))
    loops: dict[str, Owner] = {}
    for reading, handler in heard:
        progress = ground.running.health.loop(reading.name)
        lanes = LaneConsumer(reading, handler, kafka=ground.kafka, pool=ground.pool, progress=progress)
        loops[reading.name] = (await stack.enter_async_context(lanes)).run
    return loops


async def _edge(stack: AsyncExitStack, ground: _Ground) -> FastAPI:
    """Build the HTTP edge and what reports are taken with."""
    settings, running = ground.settings, ground.running
    publisher = await stack.enter_async_context(Publisher(ground.kafka, client_id="intake-edge"))
    limits = Limits(settings.photo_bytes, settings.photo_pixels, settings.photo_side)
    darkroom = open_darkroom(limits, workers=settings.photo_workers, most_waiting=settings.photos_waiting)
    cipher = Cipher.of(settings.vault_key, settings.vault_old_keys)
    means = Means(ground.pool, publisher, Store(settings.photos), cipher)
    taking = open_taking(means, most_waiting=settings.reports_waiting, within_s=settings.answer_within_s)
    desk = api.Desk(
        settings=settings,
        pool=ground.pool,
        clock=ground.clock,
        cities=ground.cities,
        taking=await stack.enter_async_context(taking),
        publisher=publisher,
        darkroom=await stack.enter_async_context(darkroom),
        store=means.store,
        signer=Signer(settings.link_key.get_secret_value().encode()),
        buckets=Buckets(settings.rate_per_s, settings.rate_burst),
    )
    running.health.needs("city packs", lambda: bool(ground.cities.newest))
    running.health.needs("vault and Kafka", lambda: desk.taking.works)
    face = Face("Paidan intake", VERSION, KeyRing(ground.pool), running.health, running.metrics, settings.access_log)
    edge = create_edge(face)
    api.add_routes(edge, desk)
    return edge
