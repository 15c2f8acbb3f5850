"""Fixtures of the fault tests: an installation, and private servers for tests that kill servers, too."""

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
    """Return whether the long fault tests of `make chaos` were requested."""
    return bool(pytestconfig.getoption("--chaos"))


@pytest.fixture(scope="module")
def own_kafka(run_folder: Path) -> Iterator[KafkaServer]:
    """Yield a broker that tests may kill, provided that they start it again."""
    with real.private_kafka(run_folder) as server:
        yield server


@pytest.fixture(scope="module")
def own_postgres(run_folder: Path) -> Iterator[PostgresServer]:
    """Yield a PostgreSQL that tests may kill, provided that they start it again."""
    with real.private_postgres(run_folder) as server:
        yield server


@pytest.fixture(scope="module")
def short_session_servers(request: pytest.FixtureRequest, servers: real.ServerAddresses) -> real.ServerAddresses:
    """Return servers whose broker allows short session timeouts, which one named by the environment may not."""
    if "PAIDAN_KAFKA" in os.environ:
        return replace(servers, kafka=request.getfixturevalue("own_kafka").address)
    return servers


@pytest.fixture
def installation_servers(short_session_servers: real.ServerAddresses) -> real.ServerAddresses:
    """Return the servers of ``installation``; test modules that kill servers override this with private ones."""
    return short_session_servers


@pytest.fixture
async def installation(
    installation_servers: real.ServerAddresses, topic_prefix: str, run_folder: Path
) -> AsyncIterator[ChaosInstallation]:
    """Yield an installation whose services a test may kill, not started yet."""
    async with prepared_installation(installation_servers, topic_prefix, run_folder / topic_prefix) as prepared:
        yield prepared
