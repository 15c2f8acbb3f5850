"""Builds intake: opens its resources in order, its two consumers and its HTTP edge."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from fastapi import FastAPI

from paidan_chassis import clock, database
from paidan_chassis.clock import Clock
from paidan_chassis.consumer.batch import Handler
from paidan_chassis.consumer.config import DEFAULT_TUNING, ConsumerTuning, Subscription
from paidan_chassis.consumer.consumer import LaneConsumer
from paidan_chassis.database import Pool
from paidan_chassis.edge.api_keys import open_key_ring
from paidan_chassis.edge.app import EdgeConfig, create_app
from paidan_chassis.edge.audit_routes import AuditDuties, create_audit_router
from paidan_chassis.edge.change_watch import ChangeWatch
from paidan_chassis.edge.rate_limit import RateLimit
from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_chassis.kafka.producer import Publisher
from paidan_chassis.operations.context import OperatorContext
from paidan_chassis.operations.routes import create_operator_router
from paidan_chassis.periodic import repeat
from paidan_chassis.runtime import Loop, ProcessContext, ServiceParts
from paidan_contracts.scopes import ALL_CITIES, AUDITOR_SCOPE, OPERATOR_SCOPE, SECURITY_SCOPE, scope_fault
from paidan_contracts.topics import ALARMS, ALARMS_PREFIX, CASES, OUTCOMES, find_topic
from paidan_intake import vault_entries
from paidan_intake.acceptance import WriterContext, open_report_writer
from paidan_intake.api import routes
from paidan_intake.api.queries import load_report_tags
from paidan_intake.api.submission import ApiContext
from paidan_intake.city_packs import PackCache, open_pack_cache
from paidan_intake.handlers import AlarmsHandler
from paidan_intake.photo_pool import open_photo_pool
from paidan_intake.photos import PhotoLimits, PhotoStore
from paidan_intake.settings import Settings
from paidan_intake.signed_links import LinkSigner
from paidan_intake.source_activity import SourceActivity
from paidan_intake.status_projection import StatusProjection

SCHEMA: Final = "intake"
TITLE: Final = "Paidan intake"
VERSION: Final = "0.1.0"
# Names of consumer groups and first parts of ce_origin: they must never change. The second publishes nothing, so that a
# new name makes it read the logs from their start: 0.1.0's (intake-standing) did not store who may read a photo.
ALARMS_CONSUMER: Final = "intake-alarms"
STATUS_CONSUMER: Final = "intake-status"
# A report's status is read seconds later at the earliest, and small batches would be this process's greatest cost.
STATUS_TUNING: Final = ConsumerTuning(min_batch_interval_s=0.25, fetch_wait_ms=250)


@dataclass(frozen=True, slots=True)
class Resources:
    """The opened resources that consumers and edge share."""

    settings: Settings
    process: ProcessContext
    pool: Pool
    kafka: KafkaCluster
    clock: Clock
    packs: PackCache
    activity: SourceActivity

    def create_consumer(
        self,
        name: str,
        handler: Handler,
        *topics: str,
        prefixes: tuple[str, ...] = (),
        tuning: ConsumerTuning = DEFAULT_TUNING,
        written_by_others: bool = False,
    ) -> LaneConsumer:
        """Return a consumer of these topics, and of all whose names start with one of the prefixes."""
        tuning = self.settings.tuning(tuning, dead_letter_limit=self.settings.dead_letter_limit)
        subscription = Subscription(
            name,
            topics=topics,
            prefixes=prefixes,
            tuning=tuning,
            written_by_others=written_by_others,
            cipher=self.settings.cipher(),
        )
        progress = self.process.health.register_loop(name)
        return LaneConsumer(subscription, handler, kafka=self.kafka, pool=self.pool, progress=progress)


@asynccontextmanager
async def build(settings: Settings, process: ProcessContext) -> AsyncIterator[ServiceParts]:
    """Open what the enabled components need."""
    async with AsyncExitStack() as stack:
        pool = await _open_pool(stack, settings)
        city_clock = await stack.enter_async_context(clock.open_clock(settings.clock, pool))
        packs = await stack.enter_async_context(open_pack_cache(pool, refresh_s=settings.packs_reread_s))
        resources = Resources(
            settings=settings,
            process=process,
            pool=pool,
            kafka=settings.kafka_cluster(find_topic),
            clock=city_clock,
            packs=packs,
            activity=SourceActivity(pool, packs, city_clock, process.metrics),
        )
        activity = resources.activity
        await stack.enter_async_context(
            repeat(activity.update, every_s=settings.figures_every_s, name="source activity")
        )
        loops = await _build_loops(stack, resources) if "loop" in process.components else {}
        app = await _build_app(stack, resources) if "edge" in process.components else None
        yield ServiceParts(loops=loops, edge=app)


async def _build_loops(stack: AsyncExitStack, resources: Resources) -> dict[str, Loop]:
    """Return the two consumers: of alarms, and of outcomes and cases."""
    alarms_handler = AlarmsHandler(
        resources.packs,
        lambda record: resources.clock.city_time(record.appended_at),
        lambda outcome, number: resources.process.metrics.count("paidan_outcomes_total", number, outcome=outcome),
        resources.activity.heard,
    )
    alarms_consumer = await stack.enter_async_context(
        resources.create_consumer(
            ALARMS_CONSUMER, alarms_handler, ALARMS.name, prefixes=(ALARMS_PREFIX,), written_by_others=True
        )
    )
    status_consumer = await stack.enter_async_context(
        resources.create_consumer(STATUS_CONSUMER, StatusProjection(), OUTCOMES.name, CASES.name, tuning=STATUS_TUNING)
    )
    return {ALARMS_CONSUMER: alarms_consumer.run, STATUS_CONSUMER: status_consumer.run}


async def _build_app(stack: AsyncExitStack, resources: Resources) -> FastAPI:
    """Return the HTTP edge, with the report writer opened."""
    settings, process = resources.settings, resources.process
    # A separate pool, so that consumers never wait for a connection, however many requests there are.
    pool = await _open_pool(stack, settings, skip_reset=True)
    publisher = await stack.enter_async_context(Publisher(resources.kafka, client_id="intake-edge"))
    photo_limits = PhotoLimits(settings.photo_bytes, settings.photo_pixels, settings.photo_side)
    photo_pool = open_photo_pool(photo_limits, workers=settings.photo_workers, max_pending=settings.photos_waiting)
    writer_context = WriterContext(
        pool, publisher, PhotoStore(settings.photos), settings.cipher(), resources.activity.heard
    )
    writer = open_report_writer(
        writer_context, max_pending=settings.reports_waiting, timeout_s=settings.answer_within_s
    )
    watch = ChangeWatch(pool, STATUS_CONSUMER, partial(load_report_tags, pool), process.stopping)
    await stack.enter_async_context(watch.run())
    context = ApiContext(
        settings=settings,
        pool=pool,
        clock=resources.clock,
        packs=resources.packs,
        writer=await stack.enter_async_context(writer),
        publisher=publisher,
        photo_pool=await stack.enter_async_context(photo_pool),
        photo_store=writer_context.photo_store,
        cipher=writer_context.cipher,
        digest_keys=settings.digest_keys(),
        link_signer=LinkSigner(settings.link_key.get_secret_value().encode()),
        metrics=process.metrics,
        watch=watch,
    )
    process.health.require("city packs", lambda: bool(resources.packs.current))
    process.health.require("vault and Kafka", lambda: context.writer.is_healthy)
    rate_limit = RateLimit(settings.rate_per_s, settings.rate_burst)
    keys = await stack.enter_async_context(open_key_ring(pool, rate_limit, settings.person_tokens(scope_fault)))
    return create_http_app(
        EdgeConfig(TITLE, VERSION, keys, process.health, process.metrics, settings.access_log), context
    )


def create_http_app(edge_config: EdgeConfig, context: ApiContext) -> FastAPI:
    """Return the FastAPI app with its routes."""
    app = create_app(edge_config)
    routes.add_routes(app, context)
    duties = AuditDuties(auditors={AUDITOR_SCOPE}, security={SECURITY_SCOPE}, city=ALL_CITIES)
    app.include_router(create_audit_router(context.pool, duties, looks=vault_entries.SELECT_ACCESSES))
    operators = OperatorContext(context.pool, context.publisher, context.cipher, {OPERATOR_SCOPE}, ALL_CITIES)
    app.include_router(create_operator_router(operators))
    return app


async def _open_pool(stack: AsyncExitStack, settings: Settings, *, skip_reset: bool = False) -> Pool:
    pool = database.open_pool(settings.database, schema=SCHEMA, size=settings.pool_size, skip_reset=skip_reset)
    return await stack.enter_async_context(pool)
