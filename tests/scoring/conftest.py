"""A database with scoring's schema, shared by the tests of one module, and its edge; each test clears it for itself."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest

from tests import servers as real
from tests.scoring import database_fixture
from tests.scoring.scoring_edge import open_edge


@pytest.fixture(scope="module")
async def pool(servers: real.ServerAddresses) -> AsyncIterator["asyncpg.Pool[Any]"]:
    """Open a pool in schema scoring of a database for this module."""
    async with real.fresh_database(servers) as dsn, database_fixture.open_pool(dsn) as opened:
        yield opened


@pytest.fixture
async def edge(pool: "asyncpg.Pool[Any]") -> AsyncIterator[httpx.AsyncClient]:
    """Open the edge on a city with one case closed after two departments had it, one pending, one late."""
    async with open_edge(pool) as client:
        yield client
