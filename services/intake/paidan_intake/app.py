"""What intake opens, in order, and what it listens to."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from fastapi import FastAPI

from paidan_chassis import clock, database
from paidan_chassis.clock import Clock
from paidan_chassis.consumer.batch import Handler
from paidan_chassis.consumer.config import AT_EASE
from paidan_chassis.consumer.consumer import LaneConsumer, Pace, Subscription
from paidan_chassis.database import Pool
from paidan_chassis.edge.api_keys import KeyRing
from paidan_chassis.edge.app import Face, create_edge
from paidan_chassis.kafka.cluster import Kafka, TopicShape
from paidan_chassis.kafka.producer import Publisher
from paidan_chassis.runtime import Owner, Process, Running
from paidan_contracts.topics import ALARMS, CASES, OUTCOMES, topic_named
from paidan_intake.acceptance import Means, open_taking
from paidan_intake.api import routes
from paidan_intake.city_packs import Cities, open_cities
from paidan_intake.handlers import Following, Screening
from paidan_intake.photos import Limits, Store, open_darkroom
from paidan_intake.rate_limit import Buckets
from paidan_intake.settings import Settings
from paidan_intake.signed_links import Signer

SCHEMA: Final = "intake"
TITLE: Final = "Paidan intake"
VERSION: Final = "0.1.0"
# Names of consumer groups and first parts of ce_origin: they must never change.
SCREENING: Final = "intake-alarms"
STANDING: Final = "intake-standing"
# Where a report stands is read seconds later at the earliest; small batches of it cost more than all else here.
UNHURRIED: Final = Pace(poll_ms=50, busy_interval_s=0.1, gather_ms=100)


@dataclass(frozen=True, slots=True)
class _Ground:
    """What both parts stand on."""

    settings: Settings
    running: Process
    pool: Pool
    kafka: Kafka
    clock: Clock
    cities: Cities

    def consumer(self, name: str, handler: Handler, *topics: str, pace: Pace = AT_EASE) -> LaneConsumer:
        """Make a consumer of these topics."""
        pace = self.settings.pace(pace, dead_letter_limit=self.settings.dead_letter_limit)
        reading = Subscription(name, topics=topics, pace=pace, cipher=self.settings.cipher())
        progress = self.running.health.loop(name)
        return LaneConsumer(reading, handler, kafka=self.kafka, pool=self.pool, progress=progress)


@asynccontextmanager
async def build(settings: Settings, running: Process) -> AsyncIterator[Running]:
    """Open what the parts that are asked for need."""
    async with AsyncExitStack() as stack:
        pool = await _pool(stack, settings)
        ground = _Ground(
            settings=settings,
            running=running,
            pool=pool,
            kafka=Kafka(settings.kafka, settings.topic_prefix, shape=topic_shape),
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
    alarms = await stack.enter_async_context(ground.consumer(SCREENING, screening, ALARMS.name))
    standing = await stack.enter_async_context(
        ground.consumer(STANDING, Following(), OUTCOMES.name, CASES.name, pace=UNHURRIED)
    )
    return {SCREENING: alarms.run, STANDING: standing.run}


async def _edge(stack: AsyncExitStack, ground: _Ground) -> FastAPI:
    """Build the HTTP edge and what reports are taken with."""
    settings, running = ground.settings, ground.running
    # A pool of its own: however much the edge is asked, a lane never waits for a connection.
    pool = await _pool(stack, settings, tidy=True)
    publisher = await stack.enter_async_context(Publisher(ground.kafka, client_id="intake-edge"))
    limits = Limits(settings.photo_bytes, settings.photo_pixels, settings.photo_side)
    darkroom = open_darkroom(limits, workers=settings.photo_workers, most_waiting=settings.photos_waiting)
    means = Means(pool, publisher, Store(settings.photos), settings.cipher())
    taking = open_taking(means, most_waiting=settings.reports_waiting, within_s=settings.answer_within_s)
    desk = routes.Desk(
        settings=settings,
        pool=pool,
        clock=ground.clock,
        cities=ground.cities,
        taking=await stack.enter_async_context(taking),
        publisher=publisher,
        darkroom=await stack.enter_async_context(darkroom),
        store=means.store,
        cipher=means.cipher,
        signer=Signer(settings.link_key.get_secret_value().encode()),
        buckets=Buckets(settings.rate_per_s, settings.rate_burst),
    )
    running.health.needs("city packs", lambda: bool(ground.cities.newest))
    running.health.needs("vault and Kafka", lambda: desk.taking.works)
    return edge_on(Face(TITLE, VERSION, KeyRing(pool), running.health, running.metrics, settings.access_log), desk)


def edge_on(face: Face, desk: routes.Desk) -> FastAPI:
    """Build the HTTP edge with its routes."""
    edge = create_edge(face)
    routes.add_routes(edge, desk)
    return edge


async def _pool(stack: AsyncExitStack, settings: Settings, *, tidy: bool = False) -> Pool:
    opened = database.open_pool(settings.database, schema=SCHEMA, size=settings.pool_size, tidy=tidy)
    return await stack.enter_async_context(opened)


def topic_shape(name: str) -> TopicShape:
    """Say how the contracts want a topic to be made."""
    topic = topic_named(name)
    return TopicShape(topic.partitions, topic.config())
