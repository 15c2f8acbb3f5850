"""The cockpit, dispatch and scoring on ports of this process, as a browser sees them."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
from playwright.async_api import Page
from pydantic import SecretStr
from starlette.types import ASGIApp

from paidan_chassis.edge.limits import DEFAULT_LIMITS
from paidan_chassis.edge.server import HttpServer, bind_socket
from paidan_cockpit import app as cockpit
from paidan_cockpit.settings import CONSUMER, Settings
from paidan_contracts.city.loader import load_city
from paidan_deploy.jars.web_libraries import ensure_web_libraries
from paidan_dispatch.app import INBOX_CONSUMER
from paidan_scoring import app as scoring
from paidan_scoring.settings import CONSUMER as SCORING_CONSUMER
from paidan_scoring.settings import Settings as ScoringSettings
from tests import vault
from tests.boundaries.in_process import DispatchInProcess, common_settings, open_dispatch, process_of, running_loops
from tests.browser.pages import View, WatchedPages
from tests.cockpit import database_fixture
from tests.cockpit.cockpit_edge import NOWHERE
from tests.scoring import database_fixture as scoring_database
from tests.servers import CACHE, ServerAddresses, fresh_database


@dataclass(frozen=True, slots=True)
class CockpitInProcess:
    """The cockpit's address and tables, and dispatch beside it."""

    address: str
    pool: "asyncpg.Pool[Any]"
    dispatch: DispatchInProcess

    async def sign_in(
        self,
        pages: WatchedPages,
        *scopes: str,
        city: str = "tiny",
        view: View | None = None,
        expected_problems: Sequence[str] = (),
    ) -> Page:
        """Return the page of a person who followed a sign-in link."""
        person = await database_fixture.add_person(self.pool, *scopes, city=city)
        token = await database_fixture.add_link(self.pool, person)
        page = await pages.open(f"{self.address}/sign-in/{token}", view, expected_problems=expected_problems)
        await page.click("main button[type=submit]")
        await page.wait_for_url(lambda url: "/sign-in" not in url)
        return page


@asynccontextmanager
async def open_cockpit(servers: ServerAddresses) -> AsyncIterator[CockpitInProcess]:
    """Open both services with their loops; Kafka and PostgreSQL are real."""
    async with AsyncExitStack() as stack:
        cockpit_socket, dispatch_socket = (stack.enter_context(bind_socket("127.0.0.1", 0)) for _ in range(2))
        address, dispatch_address = (
            f"http://127.0.0.1:{each.getsockname()[1]}" for each in (cockpit_socket, dispatch_socket)
        )
        opened = await stack.enter_async_context(open_dispatch(servers, "loop", "edge", persons_issuer=address))
        dsn = await stack.enter_async_context(fresh_database(servers))
        pool = await stack.enter_async_context(database_fixture.open_pool(dsn))
        settings = Settings(
            **common_settings(servers.kafka, dsn, opened.service.prefix),
            token_key=SecretStr(vault.KEY),
            persons_issuer=address,
            intake=NOWHERE,
            dispatch=dispatch_address,
            scoring=await stack.enter_async_context(_open_scoring(servers, opened.service.prefix, address)),
            web_libraries=ensure_web_libraries(CACHE),
        )
        parts = await stack.enter_async_context(cockpit.build(settings, process_of("cockpit", "loop", "edge")))
        await stack.enter_async_context(_served(parts.edge, cockpit_socket))
        await stack.enter_async_context(_served(opened.parts.edge, dispatch_socket))
        await stack.enter_async_context(running_loops(parts, CONSUMER, cockpit.WORDS_LOOP))
        await opened.run(INBOX_CONSUMER)
        yield CockpitInProcess(address, pool, opened)


@asynccontextmanager
async def _open_scoring(servers: ServerAddresses, prefix: str, persons_issuer: str) -> AsyncIterator[str]:
    """Open scoring beside dispatch, and return its address."""
    async with fresh_database(servers) as dsn, scoring_database.open_pool(dsn) as pool:
        await scoring_database.publish_pack(pool, load_city(scoring_database.TINY).pack.canonical_bytes())
        settings = ScoringSettings(**common_settings(servers.kafka, dsn, prefix), persons_issuer=persons_issuer)
        async with scoring.build(settings, process_of("scoring", "loop", "edge")) as parts:
            with bind_socket("127.0.0.1", 0) as sock:
                async with _served(parts.edge, sock), running_loops(parts, SCORING_CONSUMER):
                    yield f"http://127.0.0.1:{sock.getsockname()[1]}"


@asynccontextmanager
async def _served(app: ASGIApp | None, sock: socket.socket) -> AsyncIterator[None]:
    assert app is not None
    server = HttpServer(app, sock, stop_within_s=1, limits=DEFAULT_LIMITS)
    task = asyncio.create_task(server.serve())
    try:
        yield
    finally:
        server.stop()
        await task
