"""What opens and what runs in dispatch's process, in order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from fastapi import FastAPI

from paidan_chassis.clock import Clock, open_clock
from paidan_chassis.consumer.batch import Handler
from paidan_chassis.consumer.config import Pace, Subscription
from paidan_chassis.consumer.consumer import LaneConsumer
from paidan_chassis.database import Pool, open_pool
from paidan_chassis.edge.api_keys import KeyRing
from paidan_chassis.edge.app import Face, create_edge
from paidan_chassis.kafka.cluster import Kafka, TopicShape
from paidan_chassis.kafka.producer import Publisher
from paidan_chassis.runtime import Owner, Process, Running
from paidan_contracts.topics import ANSWERS_PREFIX, INBOX, topic_named
from paidan_dispatch.actions.answers import Desk
from paidan_dispatch.actions.http import ActionRoutes
from paidan_dispatch.api.reads import LookingRoutes
from paidan_dispatch.city_packs import Cities
from paidan_dispatch.handlers import Inbox
from paidan_dispatch.inbox.timer_loop import Timers
from paidan_dispatch.settings import Settings

TITLE: Final = "Paidan dispatch"
VERSION: Final = "0.1.0"
SCHEMA: Final = "dispatch"
LANES: Final = "dispatch"
DESK: Final = "dispatch-desk"


@dataclass(frozen=True, slots=True)
class Ground:
    """What every part of the process stands on."""

    settings: Settings
    process: Process
    kafka: Kafka
    pool: Pool
    clock: Clock

    def consumer(self, reading: Subscription, handler: Handler) -> LaneConsumer:
        """Make a consumer that reports its progress."""
        progress = self.process.health.loop(reading.name)
        return LaneConsumer(reading, handler, kafka=self.kafka, pool=self.pool, progress=progress)


@asynccontextmanager
async def build(settings: Settings, process: Process) -> AsyncIterator[Running]:
    """Open what the process needs; it is closed in reverse."""
    kafka = Kafka(settings.kafka, settings.topic_prefix, shape=topic_shape)
    async with AsyncExitStack() as opened:
        # Two pools: however many lists the edge is asked for, a lane never waits for a connection.
        pool = await opened.enter_async_context(open_pool(settings.database, schema=SCHEMA, size=settings.pool_size))
        clock = await opened.enter_async_context(open_clock(settings.clock, pool))
        ground = Ground(settings, process, kafka, pool, clock)
        loops = await _loops(opened, ground) if "loop" in process.parts else {}
        edge = await _edge(opened, ground) if "edge" in process.parts else None
        yield Running(loops=loops, edge=edge)


async def _loops(opened: AsyncExitStack, ground: Ground) -> dict[str, Owner]:
    timers = Timers(ground.pool, ground.clock, per_claim=ground.settings.timers_per_claim)
    metrics = ground.process.metrics
    inbox = Inbox(
        Cities(),
        timer_set=timers.mention,
        count=lambda outcome, number: metrics.count("paidan_outcomes_total", number, outcome=outcome),
    )
    settings, cipher = ground.settings, ground.settings.cipher()
    in_batches = Pace(max_records=settings.batch_records)
    of_lanes = settings.pace(in_batches, dead_letter_limit=settings.dead_letter_limit)
    of_desk = settings.pace(in_batches, dead_letter_limit=settings.answers_dead_letter_limit)
    reports = Subscription(LANES, topics=(INBOX.name,), pace=of_lanes, cipher=cipher)
    answers = Subscription(DESK, prefixes=(ANSWERS_PREFIX,), pace=of_desk, cipher=cipher)
    lanes = await opened.enter_async_context(ground.consumer(reports, inbox))
    desk = await opened.enter_async_context(ground.consumer(answers, Desk(ground.clock)))
    beat = ground.process.health.loop("timers")

    async def ring(stop: asyncio.Event) -> None:
        await timers.run(lanes, beat, stop)

    return {LANES: lanes.run, DESK: desk.run, "timers": ring}


async def _edge(opened: AsyncExitStack, ground: Ground) -> FastAPI:
    settings, process = ground.settings, ground.process
    pool = await opened.enter_async_context(open_pool(settings.database, schema=SCHEMA, size=settings.pool_size))
    publisher = await opened.enter_async_context(Publisher(ground.kafka, client_id="dispatch-edge"))
    face = Face(TITLE, VERSION, KeyRing(pool), process.health, process.metrics, settings.access_log)
    return edge_on(
        face, LookingRoutes(pool, Cities(), ground.clock), ActionRoutes(pool, Cities(), ground.clock, publisher)
    )


def edge_on(face: Face, looking: LookingRoutes, acting: ActionRoutes) -> FastAPI:
    """Build the HTTP edge with its routes."""
    edge = create_edge(face)
    edge.include_router(looking.router())
    edge.include_router(acting.router())
    return edge


def topic_shape(name: str) -> TopicShape:
    """Say how the contracts want a topic to be made."""
    topic = topic_named(name)
    return TopicShape(topic.partitions, topic.config())
