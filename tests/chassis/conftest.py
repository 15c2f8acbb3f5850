"""Fixtures for tests of lanes and of the edge."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import httpx
import pytest
from pydantic import SecretStr

from paidan_chassis import migrations
from paidan_chassis.database import Pool, open_pool
from tests.chassis.consumer_harness import ConsumerHarness
from tests.chassis.consumer_options import ConsumerOptions
from tests.chassis.sample_edge import open_client
from tests.servers import ServerAddresses


@pytest.fixture
async def harness(servers: ServerAddresses, database: str, topic_prefix: str, tmp_path: Path) -> ConsumerHarness:
    """Return a harness on the shared servers, with its tables created."""
    # A user's own servers have Kafka's least session time-out; the suite's servers allow a shorter one.
    session_ms = 6000 if "PAIDAN_KAFKA" in os.environ else 1500
    options = ConsumerOptions(kafka=servers.kafka, prefix=topic_prefix, dsn=database, session_timeout_ms=session_ms)
    made_harness = ConsumerHarness(options, tmp_path)
    await made_harness.prepare()
    return made_harness


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    """Open a service's pool in its migrated schema."""
    connection = await asyncpg.connect(database)
    await migrations.migrate(connection, "library", [migrations.CHASSIS_MIGRATIONS])
    await connection.close()
    async with open_pool(SecretStr(database), schema="library") as opened:
        yield opened


@pytest.fixture(scope="module")
async def client(servers: ServerAddresses) -> AsyncIterator[httpx.AsyncClient]:
    """Open a client of the edge with a key."""
    async with open_client(servers) as opened_client:
        yield opened_client
