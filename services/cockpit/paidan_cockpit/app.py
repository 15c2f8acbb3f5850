"""Builds the cockpit's process: its connections, its consumer, its word index and its pages."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from fastapi import FastAPI

from paidan_chassis.clock import Clock, open_clock
from paidan_chassis.consumer.config import ConsumerTuning, Subscription
from paidan_chassis.consumer.consumer import LaneConsumer
from paidan_chassis.database import Pool, open_pool
from paidan_chassis.edge.api_keys import open_key_ring
from paidan_chassis.edge.app import EdgeConfig, create_app
from paidan_chassis.edge.audit_routes import AuditDuties, create_audit_router
from paidan_chassis.edge.person_token_signer import PersonTokenSigner
from paidan_chassis.edge.rate_limit import RateLimit
from paidan_chassis.identity_digests import IdentityDigests
from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_chassis.kafka.producer import Publisher
from paidan_chassis.operations.context import OperatorContext
from paidan_chassis.operations.routes import create_operator_router
from paidan_chassis.periodic import repeat
from paidan_chassis.runtime import Loop, ProcessContext, ServiceParts
from paidan_cockpit.accounts import SIGN_INS, Accounts, SessionTerms
from paidan_cockpit.check_figures import CheckFigures
from paidan_cockpit.city_packs import PackCache
from paidan_cockpit.handlers import ReadModel
from paidan_cockpit.identities import Identities
from paidan_cockpit.key_set_routes import create_key_set_router
from paidan_cockpit.oidc import OidcClient
from paidan_cockpit.pages import routes
from paidan_cockpit.pages.assets import Assets
from paidan_cockpit.pages.latest_city import LatestCity
from paidan_cockpit.pages.not_found import internal_error_page, method_page, not_found_page
from paidan_cockpit.pages.provider import Provider
from paidan_cockpit.pages.renderer import Renderer
from paidan_cockpit.pages.site import Site
from paidan_cockpit.services_client import open_services_client
from paidan_cockpit.settings import CONSUMER, SCHEMA, Settings
from paidan_cockpit.word_index import WordIndex
from paidan_contracts.scopes import ALL_CITIES, AUDITOR_SCOPE, OPERATOR_SCOPE, SECURITY_SCOPE, scope_fault
from paidan_contracts.topics import CASES, CHECKS, OUTCOMES, SCORES, find_topic

TITLE: Final = "Paidan cockpit"
VERSION: Final = "0.1.0"
WORDS_LOOP: Final = "words"
TOPICS: Final = CASES.name, CHECKS.name, OUTCOMES.name, SCORES.name
_FIGURES_INTERVAL_S: Final = 15.0
# Of the 2 s within which pages show what was committed. What follows a single action is not kept waiting.
_MAX_GATHER_S: Final = 0.25
# How a list is found best depends on how common the words and classes are that were asked for. No page takes the cores
# from the lanes.
_PAGE_OPTIONS: Final = {"plan_cache_mode": "force_custom_plan", "max_parallel_workers_per_gather": "0"}


@dataclass(frozen=True, slots=True)
class Resources:
    """Settings and connections that the loops and the HTTP edge share."""

    settings: Settings
    process: ProcessContext
    kafka: KafkaCluster
    pool: Pool
    clock: Clock


@asynccontextmanager
async def build(settings: Settings, process: ProcessContext) -> AsyncIterator[ServiceParts]:
    """Build the requested components; connections are closed in reverse order at the end."""
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(open_pool(settings.database, schema=SCHEMA, size=settings.pool_size))
        clock = await stack.enter_async_context(open_clock(settings.clock, pool))
        resources = Resources(settings, process, create_kafka(settings), pool, clock)
        loops = await _build_loops(stack, resources) if "loop" in process.components else {}
        app = await _build_app(stack, resources) if "edge" in process.components else None
        yield ServiceParts(loops=loops, edge=app)


async def _build_loops(stack: AsyncExitStack, resources: Resources) -> dict[str, Loop]:
    health, settings = resources.process.health, resources.settings
    consumer = await stack.enter_async_context(
        LaneConsumer(
            create_subscription(settings),
            ReadModel(),
            kafka=resources.kafka,
            pool=resources.pool,
            progress=health.register_loop(CONSUMER),
        )
    )
    figures = CheckFigures(resources.pool, resources.process.metrics)
    await stack.enter_async_context(repeat(figures.update, every_s=_FIGURES_INTERVAL_S, name="check_figures"))
    index, progress = WordIndex(resources.pool), health.register_loop(WORDS_LOOP)

    async def run_words(stop: asyncio.Event) -> None:
        await index.run(stop, progress)

    return {CONSUMER: consumer.run, WORDS_LOOP: run_words}


async def _build_app(stack: AsyncExitStack, resources: Resources) -> FastAPI:
    settings, process = resources.settings, resources.process
    # A pool of its own: however many pages are opened, a lane never waits for a connection.
    pool = await stack.enter_async_context(
        open_pool(settings.database, schema=SCHEMA, size=settings.pool_size, options=_PAGE_OPTIONS)
    )
    rate_limit = RateLimit(settings.rate_per_s, settings.rate_burst)
    keys = await stack.enter_async_context(open_key_ring(pool, rate_limit, settings.person_tokens(scope_fault)))
    terms = SessionTerms(timedelta(hours=settings.session_hours), timedelta(minutes=settings.idle_minutes))
    assets = Assets(settings.web_libraries)
    packs = PackCache(pool)
    site = Site(
        pool=pool,
        packs=packs,
        clock=resources.clock,
        accounts=Accounts(pool, packs, terms),
        services=await stack.enter_async_context(open_services_client(settings)),
        latest_city=LatestCity(pool),
        renderer=Renderer(assets, settings.map_attribution if settings.map_tiles else ""),
        default_language=settings.language,
        map_tiles=settings.map_tiles,
        has_provider=settings.oidc_issuer is not None,
    )
    edge_config = EdgeConfig(TITLE, VERSION, keys, process.health, process.metrics, settings.access_log)
    publisher = await stack.enter_async_context(Publisher(resources.kafka, client_id="cockpit-edge"))
    operators = OperatorContext(pool, publisher, settings.cipher(), {OPERATOR_SCOPE}, ALL_CITIES)
    provider = open_provider(settings, site)
    return create_http_app(edge_config, site, assets, settings.token_signer(), operators, provider)


def open_provider(settings: Settings, site: Site) -> Provider | None:
    """Return the provider at which persons sign in; None where links are the only way."""
    oidc = settings.oidc()
    if oidc is None:
        return None
    digests = IdentityDigests.from_base64(settings.token_key, (settings.token_old_keys, settings.identity_old_keys))
    return Provider(OidcClient(oidc), Identities(site.pool, site.accounts, digests))


def create_http_app(
    edge_config: EdgeConfig,
    site: Site,
    assets: Assets,
    signer: PersonTokenSigner,
    operators: OperatorContext,
    provider: Provider | None = None,
) -> FastAPI:
    """Return the HTTP edge: the routes for programs, and all pages."""
    app = create_machine_app(edge_config, site.pool, signer, operators)
    app.router.routes.extend(routes.page_routes(site, assets, provider))
    app.add_exception_handler(404, not_found_page(site))
    app.add_exception_handler(405, method_page(site))
    app.add_exception_handler(Exception, internal_error_page(site))
    return app


def create_machine_app(
    edge_config: EdgeConfig, pool: Pool, signer: PersonTokenSigner, operators: OperatorContext
) -> FastAPI:
    """Return the routes for programs: the public keys of persons' tokens, and those that every service has."""
    app = create_app(edge_config)
    app.include_router(create_key_set_router(signer))
    duties = AuditDuties(auditors={AUDITOR_SCOPE}, security={SECURITY_SCOPE}, city=ALL_CITIES)
    app.include_router(create_audit_router(pool, duties, looks=SIGN_INS))
    app.include_router(create_operator_router(operators))
    return app


def create_subscription(settings: Settings) -> Subscription:
    """Return the cockpit's subscription: every step of every case, what opens none, scores, results of checks."""
    batch_tuning = ConsumerTuning(max_records=settings.batch_records, max_gather_s=_MAX_GATHER_S)
    tuning = settings.tuning(batch_tuning, dead_letter_limit=settings.dead_letter_limit)
    compacted = frozenset({SCORES.name})
    return Subscription(CONSUMER, topics=TOPICS, compacted_topics=compacted, tuning=tuning, cipher=settings.cipher())


def create_kafka(settings: Settings) -> KafkaCluster:
    """Return the cluster, with topics as the contracts declare them."""
    return settings.kafka_cluster(find_topic)
