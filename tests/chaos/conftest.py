"""Fixtures for tests that harm: servers of their own, and an installation on them."""

from collections.abc import AsyncIterator, Iterator
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


@pytest.fixture
async def installation(
    own_kafka: KafkaServer, own_postgres: PostgresServer, topic_prefix: str, run_folder: Path
) -> AsyncIterator[ChaosInstallation]:
    """Give an installation that a test may harm, not started yet."""
    own_postgres.start()  # a test that failed may have left them dead
    own_kafka.start()
    async with prepared_installation(own_kafka, own_postgres, topic_prefix, run_folder / topic_prefix) as prepared:
        yield prepared
