"""Fixtures of the whole suite: real servers, and what keeps one test's topics and tables from another's."""

import os
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import settings

from paidan_deploy.servers.kafka import KafkaServer
from paidan_deploy.servers.postgres import PostgresServer
from tests import servers as real

# Two cores shared with a broker and a database: how long an example took says nothing about the code.
settings.register_profile("paidan", deadline=None)
settings.load_profile("paidan")

RUN: Final = pytest.StashKey[Path]()
NEED_TIME: Final = {"servers", "run_folder", "start_kafka", "start_postgres"}
RECORDS: Final = Path(__file__).parent / "journeys" / "losangeles.csv"
"""Made up in the format of MyLA311, with its values, its gaps and its repeats; no request of anybody's."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let `make chaos` ask for the long fault tests, and for real records in place of ours."""
    parser.addoption("--chaos", action="store_true", help="run the fault tests at length")
    parser.addoption("--records", type=Path, default=RECORDS, help="a CSV of MyLA311 service requests to import")


def pytest_configure(config: pytest.Config) -> None:
    """Make the run's folder, unless this is one of several workers: then it is told where that lies."""
    if not hasattr(config, "workerinput"):
        opened = ExitStack()
        config.add_cleanup(opened.close)
        config.stash[RUN] = opened.enter_context(real.run_folder())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what needs no server, for most mistakes show there within seconds; then the longest files first."""
    by_file: dict[Path, list[pytest.Item]] = {}
    for item in items:
        by_file.setdefault(item.path, []).append(item)
    items[:] = [item for found in sorted(by_file.values(), key=_turn) for item in found]


def _turn(items: list[pytest.Item]) -> tuple[bool, float]:
    takes = items[0].get_closest_marker("takes")
    asked = {name for item in items for name in getattr(item, "fixturenames", ())}
    return takes is not None or not asked.isdisjoint(NEED_TIME), -takes.kwargs["seconds"] if takes else 0


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:  # noqa: ANN401 - pytest-xdist's, which has no name for it
    """Tell a worker where the run's folder lies: all workers share its servers."""
    node.workerinput["run"] = str(node.config.stash[RUN])


@pytest.fixture(scope="session")
def recorded(pytestconfig: pytest.Config) -> Path:
    """Give the file of records to import: ours, or the one that the command line names."""
    file: Path = pytestconfig.getoption("--records")
    return file


@pytest.fixture(scope="session")
def whole_run(pytestconfig: pytest.Config) -> Path:
    """Give the folder of the whole run."""
    told: dict[str, str] | None = getattr(pytestconfig, "workerinput", None)
    return Path(told["run"]) if told else pytestconfig.stash[RUN]


@pytest.fixture(scope="session")
def run_folder(whole_run: Path) -> Path:
    """Lend this worker a folder for servers of its own."""
    folder = whole_run / f"worker-{os.getpid()}"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def servers(whole_run: Path) -> real.ServerAddresses:
    """Give the run's Kafka and PostgreSQL. When one cannot be had, every test that needs it fails."""
    return real.shared_servers(whole_run)


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
