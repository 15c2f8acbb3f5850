"""Builds scoring's process: its connections, its consumer, its publisher loop and its HTTP edge."""

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
from paidan_chassis.edge.api_keys import open_key_ring
from paidan_chassis.edge.app import EdgeConfig, create_app
from paidan_chassis.edge.audit_routes import AuditDuties, create_audit_router
from paidan_chassis.edge.rate_limit import RateLimit
from paidan_chassis.encryption import Cipher
from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_chassis.kafka.producer import Publisher
from paidan_chassis.operations.context import OperatorContext
from paidan_chassis.operations.routes import create_operator_router
from paidan_chassis.runtime import Loop, ProcessContext, ServiceParts
from paidan_contracts.scopes import ALL_CITIES, AUDITOR_SCOPE, OPERATOR_SCOPE, SECURITY_SCOPE, scope_fault
from paidan_contracts.topics import CASES, find_topic
from paidan_scoring.api import routes
from paidan_scoring.api.score_reader import ScoreReader
from paidan_scoring.city_packs import PackCache
from paidan_scoring.handlers import Fold
from paidan_scoring.publisher import PublisherContext, ScorePublisher
from paidan_scoring.settings import CONSUMER, SCHEMA, Settings

TITLE: Final = "Paidan scoring"
VERSION: Final = "0.1.0"


@dataclass(frozen=True, slots=True)
class Resources:
    """Settings and connections that the loops and the HTTP edge share."""

    settings: Settings
    process: ProcessContext
    kafka: KafkaCluster
    pool: Pool
    clock: Clock
    packs: PackCache


@asynccontextmanager
async def build(settings: Settings, process: ProcessContext) -> AsyncIterator[ServiceParts]:
    """Build the requested components; connections are closed in reverse order at the end."""
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
            create_subscription(settings),
            Fold(resources.packs),
            kafka=resources.kafka,
            pool=resources.pool,
            progress=health.register_loop(CONSUMER),
        )
    )
    context = PublisherContext(resources.pool, resources.packs, consumer.publisher, resources.clock)
    publisher = ScorePublisher(context, interval_s=settings.publish_every_s)
    progress = health.register_loop("scores")

    async def run_publisher(stop: asyncio.Event) -> None:
        await publisher.run(stop, progress)

    return {CONSUMER: consumer.run, "scores": run_publisher}


async def _build_app(stack: AsyncExitStack, resources: Resources) -> FastAPI:
    settings = resources.settings
    # A pool of its own: however many requests come in, a lane never waits for a connection.
    pool = await stack.enter_async_context(open_pool(settings.database, schema=SCHEMA, size=settings.pool_size))
    rate_limit = RateLimit(settings.rate_per_s, settings.rate_burst)
    keys = await stack.enter_async_context(open_key_ring(pool, rate_limit, settings.person_tokens(scope_fault)))
    process = resources.process
    publisher = await stack.enter_async_context(Publisher(resources.kafka, client_id="scoring-edge"))
    edge_config = EdgeConfig(TITLE, VERSION, keys, process.health, process.metrics, settings.access_log)
    return create_http_app(edge_config, pool, publisher, settings.cipher())


def create_http_app(edge_config: EdgeConfig, pool: Pool, publisher: Publisher, cipher: Cipher) -> FastAPI:
    """Return the HTTP edge with all routes."""
    app = create_app(edge_config)
    app.include_router(routes.create_score_router(ScoreReader(pool, PackCache(pool)), pool))
    duties = AuditDuties(auditors={AUDITOR_SCOPE}, security={SECURITY_SCOPE}, city=ALL_CITIES)
    app.include_router(create_audit_router(pool, duties))
    operators = OperatorContext(pool, publisher, cipher, {OPERATOR_SCOPE}, ALL_CITIES)
    app.include_router(create_operator_router(operators))
    return app


def create_subscription(settings: Settings) -> Subscription:
    """Return scoring's subscription: every step of every case."""
    batch_tuning = ConsumerTuning(max_records=settings.batch_records)
    tuning = settings.tuning(batch_tuning, dead_letter_limit=settings.dead_letter_limit)
    return Subscription(CONSUMER, topics=(CASES.name,), tuning=tuning, cipher=settings.cipher())


def create_kafka(settings: Settings) -> KafkaCluster:
    """Return the cluster, with topics as the contracts declare them."""
    return settings.kafka_cluster(find_topic)
