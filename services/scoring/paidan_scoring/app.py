"""What opens and what runs in scoring's process, in order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from fastapi import FastAPI

from paidan_chassis.clock import Clock, open_clock
from paidan_chassis.consumer.config import ConsumerTuning, Subscription
from paidan_chassis.consumer.consumer import LaneConsumer
from paidan_chassis.database import Pool, open_pool
from paidan_chassis.edge.api_keys import KeyRing
from paidan_chassis.edge.app import EdgeConfig, create_app
from paidan_chassis.kafka.cluster import KafkaCluster, TopicSpec
from paidan_chassis.observability.health import Health
from paidan_chassis.observability.metrics import Metrics
from paidan_chassis.runtime import Loop, ProcessContext, ServiceParts
from paidan_contracts.topics import CASES, find_topic
from paidan_scoring.api import routes
from paidan_scoring.city_packs import PackCache
from paidan_scoring.handlers import Fold
from paidan_scoring.publisher import PublisherContext, ScorePublisher
from paidan_scoring.score_reader import ScoreReader
from paidan_scoring.settings import Settings

SCHEMA: Final = "scoring"
CONSUMER: Final = "scoring"
VERSION: Final = "0.1.0"


@dataclass(frozen=True, slots=True)
class Resources:
    """What every part of the process stands on."""

    settings: Settings
    process: ProcessContext
    kafka: KafkaCluster
    pool: Pool
    clock: Clock
    packs: PackCache


@asynccontextmanager
async def build(settings: Settings, process: ProcessContext) -> AsyncIterator[ServiceParts]:
    """Open what the process needs; it is closed in reverse."""
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(open_pool(settings.database, schema=SCHEMA, size=settings.pool_size))
        resources = Resources(
            settings=settings,
            process=process,
            kafka=create_kafka(settings),
            pool=pool,
            clock=await stack.enter_async_context(open_clock(settings.clock, pool)),
            packs=PackCache(pool),
        )
        loops = await _build_loops(stack, resources) if "loop" in process.components else {}
        app = await _build_app(stack, resources) if "edge" in process.components else None
        yield ServiceParts(loops=loops, edge=app)


async def _build_loops(stack: AsyncExitStack, resources: Resources) -> dict[str, Loop]:
    health, settings = resources.process.health, resources.settings
    consumer = await stack.enter_async_context(
        LaneConsumer(
            subscription(settings),
            Fold(resources.packs),
            kafka=resources.kafka,
            pool=resources.pool,
            progress=health.register_loop(CONSUMER),
        )
    )
    publisher_context = PublisherContext(resources.pool, resources.packs, consumer.publisher, resources.clock)
    publisher, progress = (
        ScorePublisher(publisher_context, interval_s=settings.publish_every_s),
        health.register_loop("scores"),
    )

    async def run_publisher(stop: asyncio.Event) -> None:
        await publisher.run(stop, progress)

    return {CONSUMER: consumer.run, "scores": run_publisher}


async def _build_app(stack: AsyncExitStack, resources: Resources) -> FastAPI:
    settings = resources.settings
    # A pool of its own: however much the edge is asked for, a lane never waits for a connection.
    pool = await stack.enter_async_context(open_pool(settings.database, schema=SCHEMA, size=settings.pool_size))
    return create_http_app(pool, resources.process.health, resources.process.metrics, access_log=settings.access_log)


def create_http_app(pool: Pool, health: Health, metrics: Metrics, *, access_log: str = "failed") -> FastAPI:
    """Build the HTTP edge on a pool."""
    app = create_app(EdgeConfig("Paidan scoring", VERSION, KeyRing(pool), health, metrics, access_log))
    app.include_router(routes.create_router(ScoreReader(pool, PackCache(pool)), pool))
    return app


def subscription(settings: Settings) -> Subscription:
    """Say what scoring reads, and how. The name is its group and must never change."""
    batch_tuning = ConsumerTuning(max_records=settings.batch_records)
    tuning = settings.tuning(batch_tuning, dead_letter_limit=settings.dead_letter_limit)
    return Subscription(CONSUMER, topics=(CASES.name,), tuning=tuning, cipher=settings.cipher())


def create_kafka(settings: Settings) -> KafkaCluster:
    """Say where Kafka is, and how the contracts want topics to be made."""
    return KafkaCluster(settings.kafka, settings.topic_prefix, topic_spec=topic_spec)


def topic_spec(name: str) -> TopicSpec:
    topic = find_topic(name)
    return TopicSpec(topic.partitions, topic.config())
