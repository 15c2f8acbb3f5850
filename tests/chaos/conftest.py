"""Fixtures for tests that harm: an installation, and servers of their own for those that harm servers, too."""

import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from paidan_deploy.servers.kafka import KafkaServer
from paidan_deploy.servers.postgres import PostgresServer
from tests import servers as real
from tests.chaos.installation import ChaosInstallation, prepared_installation


@pytest.fixture(scope="session")
def full_run(pytestconfig: pytest.Config) -> bool:
    """Tell whether `make chaos` asked for the long form."""
    return bool(pytestconfig.getoption("--chaos"))


@pytest.fixture(scope="session")
def own_kafka(run_folder: Path) -> Iterator[KafkaServer]:
    """Give a broker that tests may kill, so long as they start it again."""
    with real.private_kafka(run_folder) as server:
        yield server


@pytest.fixture(scope="session")
def own_postgres(run_folder: Path) -> Iterator[PostgresServer]:
    """Give a PostgreSQL that tests may kill, so long as they start it again."""
    with real.private_postgres(run_folder) as server:
        yield server


@pytest.fixture(scope="session")
def hasty_servers(request: pytest.FixtureRequest, servers: real.ServerAddresses) -> real.ServerAddresses:
    """Give servers that let a dead member's lanes go as soon as services here ask; the user's own may not."""
    if "PAIDAN_KAFKA" in os.environ:
        return replace(servers, kafka=request.getfixturevalue("own_kafka").address)
    return servers


@pytest.fixture
def works_servers(hasty_servers: real.ServerAddresses) -> real.ServerAddresses:
    """Give the servers of the installation; modules that harm servers give their own."""
    return hasty_servers


@pytest.fixture
async def installation(
    works_servers: real.ServerAddresses, topic_prefix: str, run_folder: Path
) -> AsyncIterator[ChaosInstallation]:
    """Give an installation whose services a test may harm, not started yet."""
    async with prepared_installation(works_servers, topic_prefix, run_folder / topic_prefix) as prepared:
        yield prepared
