"""Fixtures of the whole suite: real servers, and what keeps one test's topics and tables from another's."""

import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings

from paidan_deploy.servers.kafka import KafkaServer
from paidan_deploy.servers.postgres import PostgresServer
from tests import servers as real

# Two cores shared with a broker and a database: how long an example took says nothing about the code.
settings.register_profile("paidan", deadline=None)
settings.load_profile("paidan")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let `make chaos` ask for the long fault tests."""
    parser.addoption("--chaos", action="store_true", help="run the fault tests at length")


@pytest.fixture(scope="session")
def run_folder() -> Iterator[Path]:
    """Lend the run a folder for its servers."""
    with real.run_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def servers(run_folder: Path) -> Iterator[real.ServerAddresses]:
    """Give the run's Kafka and PostgreSQL. When one cannot be had, every test that needs it fails."""
    with real.shared_servers(run_folder) as running:
        yield running


@pytest.fixture
def topic_prefix() -> str:
    """Set this test's topics apart from all others on the broker."""
    return f"t{uuid.uuid4().hex[:10]}."


@pytest.fixture
async def database(servers: real.ServerAddresses) -> AsyncIterator[str]:
    """Give the DSN of an empty database, which is gone after the test."""
    async with real.fresh_database(servers) as dsn:
        yield dsn


@pytest.fixture
def start_kafka(run_folder: Path) -> Iterator[Callable[..., KafkaServer]]:
    """Start brokers of one's own, for tests that kill or freeze them."""
    with ExitStack() as stack:
        yield lambda **properties: stack.enter_context(real.private_kafka(run_folder, properties=properties))


@pytest.fixture
def start_postgres(run_folder: Path) -> Iterator[Callable[..., PostgresServer]]:
    """Start PostgreSQLs of one's own, for tests that kill or freeze them."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(real.private_postgres(run_folder, options=options))
