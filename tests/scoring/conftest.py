"""A database with scoring's schema, shared by the tests of one module; each test clears it for itself."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from tests import servers as real
from tests.scoring import database_fixture


@pytest.fixture(scope="module")
async def pool(servers: real.ServerAddresses) -> AsyncIterator["asyncpg.Pool[Any]"]:
    """Open a pool in schema scoring of a database for this module."""
    async with real.fresh_database(servers) as dsn, database_fixture.open_pool(dsn) as opened:
        yield opened
