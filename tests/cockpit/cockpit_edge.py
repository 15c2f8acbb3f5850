"""The cockpit's pages in this process, on a real database; the other services are down, unless a test opens them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import asyncpg
import httpx
from pydantic import SecretStr

from paidan_chassis.clock import RealClock
from paidan_chassis.edge.api_keys import KeyRing
from paidan_chassis.edge.app import EdgeConfig
from paidan_chassis.kafka.producer import Publisher
from paidan_chassis.observability.health import Health
from paidan_chassis.observability.metrics import Metrics
from paidan_chassis.operations.context import OperatorContext
from paidan_cockpit.accounts import Accounts, SessionTerms
from paidan_cockpit.app import TITLE, VERSION, create_http_app, open_provider
from paidan_cockpit.city_packs import PackCache
from paidan_cockpit.pages.assets import Assets
from paidan_cockpit.pages.latest_city import LatestCity
from paidan_cockpit.pages.renderer import Renderer
from paidan_cockpit.pages.site import Site
from paidan_cockpit.services_client import open_services_client
from paidan_cockpit.settings import Settings
from paidan_contracts.scopes import ALL_CITIES, OPERATOR_SCOPE
from tests import vault
from tests.cockpit import database_fixture

NOWHERE = "http://127.0.0.1:1"
ORIGIN = "http://cockpit"


def build_settings(**changes: object) -> Settings:
    """Return settings that name services which do not answer."""
    key = SecretStr(vault.KEY)
    values: dict[str, Any] = {
        "persons_issuer": NOWHERE,
        "kafka": "nowhere:9",
        "database": SecretStr("x"),
        "vault_key": key,
        "token_key": key,
        "port": 0,
    }
    return Settings(**(values | {"intake": NOWHERE, "dispatch": NOWHERE, "scoring": NOWHERE} | changes))


@asynccontextmanager
async def open_site(
    pool: "asyncpg.Pool[Any]", settings: Settings, libraries: Path | None = None
) -> AsyncIterator[httpx.ASGITransport]:
    """Open the pages on this database."""
    async with open_services_client(settings) as services:
        assets, metrics = Assets(libraries), Metrics("cockpit")
        site = Site(
            pool=pool,
            packs=PackCache(pool),
            clock=RealClock(),
            accounts=Accounts(pool, PackCache(pool), SessionTerms(timedelta(hours=1), timedelta(hours=1))),
            services=services,
            latest_city=LatestCity(pool),
            renderer=Renderer(assets),
            default_language="en",
            has_provider=settings.oidc_issuer is not None,
        )
        config = EdgeConfig(TITLE, VERSION, KeyRing(pool), Health(metrics), metrics)
        # Nothing is redriven here, so nothing is ever sent.
        operators = OperatorContext(pool, cast("Publisher", None), settings.cipher(), {OPERATOR_SCOPE}, ALL_CITIES)
        provider = open_provider(settings, site)
        app = create_http_app(config, site, assets, settings.token_signer(), operators, provider)
        yield httpx.ASGITransport(app)


def new_browser(transport: httpx.ASGITransport, **headers: str) -> httpx.AsyncClient:
    """Return a browser without cookies, that follows no redirect by itself."""
    return httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers=headers)


@asynccontextmanager
async def signed_in(
    transport: httpx.ASGITransport, pool: "asyncpg.Pool[Any]", *scopes: str, city: str = "tiny"
) -> AsyncIterator[httpx.AsyncClient]:
    """Open the browser of a person who signed in by a link."""
    token = await database_fixture.add_link(pool, await database_fixture.add_person(pool, *scopes, city=city))
    async with new_browser(transport) as browser:
        answer = await browser.post("/sign-in", data={"token": token})
        assert answer.status_code == 303, answer.text
        yield browser
