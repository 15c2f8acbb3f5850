"""Builds dispatch's process: its connections, its two consumers, its timer loop and its HTTP edge."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from fastapi import FastAPI

from paidan_chassis.clock import Clock, open_clock
from paidan_chassis.consumer.batch import Handler
from paidan_chassis.consumer.config import ConsumerTuning, Subscription
from paidan_chassis.consumer.consumer import LaneConsumer
from paidan_chassis.database import Pool, open_pool
from paidan_chassis.edge.api_keys import open_key_ring
from paidan_chassis.edge.app import EdgeConfig, create_app
from paidan_chassis.edge.audit_routes import AuditDuties, create_audit_router
from paidan_chassis.edge.change_watch import ChangeWatch
from paidan_chassis.edge.rate_limit import RateLimit
from paidan_chassis.encryption import Cipher
from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_chassis.kafka.producer import Publisher
from paidan_chassis.operations.context import OperatorContext
from paidan_chassis.operations.routes import create_operator_router
from paidan_chassis.periodic import repeat
from paidan_chassis.runtime import Loop, ProcessContext, ServiceParts
from paidan_contracts.inbox import RELEASE
from paidan_contracts.scopes import ALL_CITIES, AUDITOR_SCOPE, OPERATOR_SCOPE, SECURITY_SCOPE, scope_fault
from paidan_contracts.topics import ANSWERS_PREFIX, INBOX, find_topic
from paidan_dispatch.actions.case_actions import CaseActionRoutes
from paidan_dispatch.actions.emergencies import EmergencyRoutes
from paidan_dispatch.actions.http import ActionRoutes
from paidan_dispatch.actions.replies import ReplyRoutes
from paidan_dispatch.actions.requests import CityTerms
from paidan_dispatch.api.case_figures import CaseFigures
from paidan_dispatch.api.emergencies import EmergencyReadRoutes
from paidan_dispatch.api.order_routes import OrderRoutes
from paidan_dispatch.api.order_tags import load_order_tags
from paidan_dispatch.api.reads import ReadRoutes
from paidan_dispatch.api.reports import ReportRoutes
from paidan_dispatch.city_packs import PackCache
from paidan_dispatch.handlers import AnswersHandler, InboxHandler
from paidan_dispatch.inbox.emergency_loop import EmergencyScheduler
from paidan_dispatch.inbox.timer_loop import TimerScheduler
from paidan_dispatch.settings import Settings

TITLE: Final = "Paidan dispatch"
VERSION: Final = "0.1.0"
SCHEMA: Final = "dispatch"
INBOX_CONSUMER: Final = "dispatch"
ANSWERS_CONSUMER: Final = "dispatch-desk"

# A plan for any filter is one for none: it sorts a million cases where an index has them in order.
_READ_OPTIONS: Final = {"plan_cache_mode": "force_custom_plan", "max_parallel_workers_per_gather": "0"}


@dataclass(frozen=True, slots=True)
class Resources:
    """Settings and connections that the loops and the HTTP edge share."""

    settings: Settings
    process: ProcessContext
    kafka: KafkaCluster
    pool: Pool
    clock: Clock

    def create_consumer(self, subscription: Subscription, handler: Handler) -> LaneConsumer:
        """Return a consumer that reports its progress to the health check."""
        progress = self.process.health.register_loop(subscription.name)
        return LaneConsumer(subscription, handler, kafka=self.kafka, pool=self.pool, progress=progress)


@asynccontextmanager
async def build(settings: Settings, process: ProcessContext) -> AsyncIterator[ServiceParts]:
    """Build the requested components; connections are closed in reverse order at the end."""
    kafka = settings.kafka_cluster(find_topic)
    async with AsyncExitStack() as stack:
        # The edge has a pool of its own: however many lists are requested, consumers never wait for a connection.
        pool = await stack.enter_async_context(open_pool(settings.database, schema=SCHEMA, size=settings.pool_size))
        clock = await stack.enter_async_context(open_clock(settings.clock, pool))
        resources = Resources(settings, process, kafka, pool, clock)
        loops = await _build_loops(stack, resources) if "loop" in process.components else {}
        if loops:
            figures = CaseFigures(pool, process.metrics)
            await stack.enter_async_context(
                repeat(figures.update, every_s=settings.figures_every_s, name="case figures")
            )
        app = await _build_app(stack, resources) if "edge" in process.components else None
        yield ServiceParts(loops=loops, edge=app)


async def _build_loops(stack: AsyncExitStack, resources: Resources) -> dict[str, Loop]:
    scheduler = TimerScheduler(resources.pool, resources.clock, batch_size=resources.settings.timers_per_claim)
    metrics = resources.process.metrics
    inbox_handler = InboxHandler(PackCache(), release=RELEASE, timers=scheduler, metrics=metrics)
    settings, cipher = resources.settings, resources.settings.cipher()
    batch_tuning = ConsumerTuning(max_records=settings.batch_records)
    inbox_tuning = settings.tuning(batch_tuning, dead_letter_limit=settings.dead_letter_limit)
    answers_tuning = settings.tuning(batch_tuning, dead_letter_limit=settings.answers_dead_letter_limit)
    inbox_subscription = Subscription(
        INBOX_CONSUMER,
        topics=(INBOX.name,),
        tuning=inbox_tuning,
        verify_lanes=inbox_handler.verify_lanes,
        cipher=cipher,
    )
    answers_subscription = Subscription(
        ANSWERS_CONSUMER, prefixes=(ANSWERS_PREFIX,), tuning=answers_tuning, written_by_others=True, cipher=cipher
    )
    inbox_consumer = await stack.enter_async_context(resources.create_consumer(inbox_subscription, inbox_handler))
    answers_consumer = await stack.enter_async_context(
        resources.create_consumer(answers_subscription, AnswersHandler(resources.clock, CityTerms(PackCache())))
    )
    progress = resources.process.health.register_loop("timers")

    async def run_timers(stop: asyncio.Event) -> None:
        await scheduler.run(inbox_consumer, progress, stop)

    emergencies = EmergencyScheduler(resources.pool, resources.clock)
    emergency_progress = resources.process.health.register_loop("emergencies")

    async def run_emergencies(stop: asyncio.Event) -> None:
        await emergencies.run(inbox_consumer, emergency_progress, stop)

    return {
        INBOX_CONSUMER: inbox_consumer.run,
        ANSWERS_CONSUMER: answers_consumer.run,
        "timers": run_timers,
        "emergencies": run_emergencies,
    }


async def _build_app(stack: AsyncExitStack, resources: Resources) -> FastAPI:
    settings, process = resources.settings, resources.process
    pool = await stack.enter_async_context(
        open_pool(settings.database, schema=SCHEMA, size=settings.pool_size, options=_READ_OPTIONS)
    )
    publisher = await stack.enter_async_context(Publisher(resources.kafka, client_id="dispatch-edge"))
    rate_limit = RateLimit(settings.rate_per_s, settings.rate_burst)
    keys = await stack.enter_async_context(open_key_ring(pool, rate_limit, settings.person_tokens(scope_fault)))
    edge_config = EdgeConfig(TITLE, VERSION, keys, process.health, process.metrics, settings.access_log)
    packs = PackCache()
    watch = ChangeWatch(pool, INBOX_CONSUMER, partial(load_order_tags, pool), process.stopping)
    await stack.enter_async_context(watch.run())
    return create_http_app(
        edge_config,
        ReadRoutes(pool, packs, resources.clock),
        OrderRoutes(pool, packs, resources.clock, watch),
        ActionRoutes(pool, packs, resources.clock, publisher, CityTerms(packs)),
        settings.cipher(),
    )


def create_http_app(
    edge_config: EdgeConfig,
    read_routes: ReadRoutes,
    order_routes: OrderRoutes,
    action_routes: ActionRoutes,
    cipher: Cipher,
) -> FastAPI:
    """Return the HTTP edge with all routes."""
    app = create_app(edge_config)
    app.include_router(read_routes.router())
    app.include_router(order_routes.router())
    app.include_router(ReportRoutes(read_routes.pool).router())
    app.include_router(action_routes.router())
    app.include_router(CaseActionRoutes(action_routes).router())
    app.include_router(ReplyRoutes(action_routes).router())
    app.include_router(EmergencyRoutes(action_routes).router())
    app.include_router(EmergencyReadRoutes(read_routes.pool, read_routes.clock).router())
    duties = AuditDuties(auditors={AUDITOR_SCOPE}, security={SECURITY_SCOPE}, city=ALL_CITIES)
    app.include_router(create_audit_router(read_routes.pool, duties))
    operators = OperatorContext(read_routes.pool, action_routes.publisher, cipher, {OPERATOR_SCOPE}, ALL_CITIES)
    app.include_router(create_operator_router(operators))
    return app
