"""What opens and what runs in scoring's process, in order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from fastapi import FastAPI

from paidan_chassis.clock import Clock, open_clock
from paidan_chassis.consumer.consumer import LaneConsumer, Pace, Subscription
from paidan_chassis.database import Pool, open_pool
from paidan_chassis.edge.api_keys import KeyRing
from paidan_chassis.edge.app import Face, create_edge
from paidan_chassis.kafka.cluster import Kafka, TopicShape
from paidan_chassis.observability.health import Health
from paidan_chassis.observability.metrics import Metrics
from paidan_chassis.runtime import Owner, Process, Running
from paidan_contracts.topics import CASES, topic_named
from paidan_scoring.api import routes
from paidan_scoring.city_packs import Packs
from paidan_scoring.handlers import Fold
from paidan_scoring.publisher import Means, Scores
from paidan_scoring.score_reader import Asking
from paidan_scoring.settings import Settings

SCHEMA: Final = "scoring"
CONSUMER: Final = "scoring"
VERSION: Final = "0.1.0"


@dataclass(frozen=True, slots=True)
class Ground:
    """What every part of the process stands on."""

    settings: Settings
    process: Process
    kafka: Kafka
    pool: Pool
    clock: Clock
    packs: Packs


@asynccontextmanager
async def build(settings: Settings, process: Process) -> AsyncIterator[Running]:
    """Open what the process needs; it is closed in reverse."""
    async with AsyncExitStack() as opened:
        pool = await opened.enter_async_context(open_pool(settings.database, schema=SCHEMA, size=settings.pool_size))
        ground = Ground(
            settings=settings,
            process=process,
            kafka=kafka_of(settings),
            pool=pool,
            clock=await opened.enter_async_context(open_clock(settings.clock, pool)),
            packs=Packs(pool),
        )
        loops = await _loops(opened, ground) if "loop" in process.parts else {}
        edge = await _edge(opened, ground) if "edge" in process.parts else None
        yield Running(loops=loops, edge=edge)


async def _loops(opened: AsyncExitStack, ground: Ground) -> dict[str, Owner]:
    health, settings = ground.process.health, ground.settings
    lanes = await opened.enter_async_context(
        LaneConsumer(
            subscription(settings),
            Fold(ground.packs),
            kafka=ground.kafka,
            pool=ground.pool,
            progress=health.loop(CONSUMER),
        )
    )
    means = Means(ground.pool, ground.packs, lanes.publisher, ground.clock)
    scores, beat = Scores(means, every_s=settings.publish_every_s), health.loop("scores")

    async def publish(stop: asyncio.Event) -> None:
        await scores.run(stop, beat)

    return {CONSUMER: lanes.run, "scores": publish}


async def _edge(opened: AsyncExitStack, ground: Ground) -> FastAPI:
    settings = ground.settings
    # A pool of its own: however much the edge is asked for, a lane never waits for a connection.
    pool = await opened.enter_async_context(open_pool(settings.database, schema=SCHEMA, size=settings.pool_size))
    return edge_on(pool, ground.process.health, ground.process.metrics, access_log=settings.access_log)


def edge_on(pool: Pool, health: Health, metrics: Metrics, *, access_log: str = "failed") -> FastAPI:
    """Build the HTTP edge on a pool."""
    edge = create_edge(Face("Paidan scoring", VERSION, KeyRing(pool), health, metrics, access_log))
    edge.include_router(routes.routes(Asking(pool, Packs(pool)), pool))
    return edge


def subscription(settings: Settings) -> Subscription:
    """Say what scoring reads, and how. The name is its group and must never change."""
    in_batches = Pace(max_records=settings.batch_records)
    pace = settings.pace(in_batches, dead_letter_limit=settings.dead_letter_limit)
    return Subscription(CONSUMER, topics=(CASES.name,), pace=pace, cipher=settings.cipher())


def kafka_of(settings: Settings) -> Kafka:
    """Say where Kafka is, and how the contracts want topics to be made."""
    return Kafka(settings.kafka, settings.topic_prefix, shape=_shape)


def _shape(name: str) -> TopicShape:
    topic = topic_named(name)
    return TopicShape(topic.partitions, topic.config())
