"""A database with the cockpit's schema and its pages, shared by the tests of one module."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest

from tests import servers as real
from tests.cockpit import cockpit_edge, database_fixture


@pytest.fixture(scope="module")
async def pool(servers: real.ServerAddresses) -> AsyncIterator["asyncpg.Pool[Any]"]:
    """Open a pool in schema cockpit of a database for this module."""
    async with real.fresh_database(servers) as dsn, database_fixture.open_pool(dsn) as opened:
        yield opened


@pytest.fixture(scope="module")
async def site(pool: "asyncpg.Pool[Any]") -> AsyncIterator[httpx.ASGITransport]:
    """Open the pages; no other service answers."""
    async with cockpit_edge.open_site(pool, cockpit_edge.build_settings()) as opened:
        yield opened
