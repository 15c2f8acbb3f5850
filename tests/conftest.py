"""Fixtures of the whole suite: real servers, and topics and databases of each test's own."""

import gc
import os
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

from paidan_deploy.servers.kafka import KafkaServer
from paidan_deploy.servers.postgres import PostgresServer
from tests import servers as real

# Two cores are shared with a broker and a database: an example's duration depends on them.
settings.register_profile("paidan", deadline=None)
settings.load_profile("paidan")
# Here, for tests of several services import them.
pytest.register_assert_rewrite("tests.dispatch.action_table", "tests.dispatch.burst_pipe")

RUN: Final = pytest.StashKey[Path]()
SERVER_FIXTURES: Final = {"servers", "run_folder", "start_kafka", "start_postgres"}
ON_ONE_WORKER: Final = ("tests/authorisation/", "tests/intake/", "tests/journeys/")
"""Folders whose tests share services that run: each worker with tests of one would start them once more."""
RECORDS: Final = Path(__file__).parent / "journeys" / "losangeles.csv"
"""Invented records in the format of MyLA311, with its values, gaps and repeats; no real requests."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options for long fault tests and for real records instead of ours."""
    parser.addoption("--chaos", action="store_true", help="run the long fault tests")
    parser.addoption("--records", type=Path, default=RECORDS, help="a CSV of MyLA311 service requests to import")


def pytest_configure(config: pytest.Config) -> None:
    """Create the run's folder, unless this is one of several workers, which get its path from their controller."""
    if not hasattr(config, "workerinput"):
        opened = ExitStack()
        config.add_cleanup(opened.close)
        config.stash[RUN] = opened.enter_context(real.run_folder())


class SharedServiceScheduling(LoadFileScheduling):  # type: ignore[misc] # pytest-xdist ships no py.typed
    """Sends a file to one worker, and a whole folder where its tests share services."""

    def _split_scope(self, nodeid: str) -> str:
        return together(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> SharedServiceScheduling:  # noqa: ANN401 - xdist's
    """Return the scheduler of every distributed run."""
    return SharedServiceScheduling(config, log)


def together(nodeid: str) -> str:
    """Return what a test is run together with: its file, or its folder where that shares services."""
    file = nodeid.partition("::")[0]
    return next((folder for folder in ON_ONE_WORKER if file.startswith(folder)), file)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run tests without servers first, where most mistakes show within seconds, then what takes longest."""
    groups: dict[str, list[pytest.Item]] = {}
    for item in items:
        groups.setdefault(together(item.nodeid), []).append(item)
    items[:] = [item for group in sorted(groups.values(), key=_priority) for item in group]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without searching for garbage, a fifth of the work: what is made there stays until the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def _priority(group: list[pytest.Item]) -> tuple[bool, float]:
    durations = {item.path: mark.kwargs["seconds"] for item in group if (mark := item.get_closest_marker("takes"))}
    fixtures = {name for item in group for name in getattr(item, "fixturenames", ())}
    return bool(durations) or not fixtures.isdisjoint(SERVER_FIXTURES), -sum(durations.values())


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:  # noqa: ANN401 - pytest-xdist's, which has no name for it
    """Pass the run's folder to a worker: all workers share its servers."""
    node.workerinput["run"] = str(node.config.stash[RUN])


@pytest.fixture(scope="session")
def records_file(pytestconfig: pytest.Config) -> Path:
    """Return the file of records to import: ours, or the one that the command line names."""
    file: Path = pytestconfig.getoption("--records")
    return file


@pytest.fixture(scope="session")
def shared_run_folder(pytestconfig: pytest.Config) -> Path:
    """Return the folder of the whole run, which all workers share."""
    worker_input: dict[str, str] | None = getattr(pytestconfig, "workerinput", None)
    return Path(worker_input["run"]) if worker_input else pytestconfig.stash[RUN]


@pytest.fixture(scope="session")
def run_folder(shared_run_folder: Path) -> Path:
    """Create a folder for servers of this worker's own."""
    folder = shared_run_folder / f"worker-{os.getpid()}"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def servers(shared_run_folder: Path) -> real.ServerAddresses:
    """Return the addresses of the run's servers. When one cannot be started, every test that needs it fails."""
    return real.shared_servers(shared_run_folder)


@pytest.fixture
async def topic_prefix(servers: real.ServerAddresses) -> AsyncIterator[str]:
    """Return a topic prefix that no other test on the broker uses."""
    async with real.fresh_prefix(servers.kafka) as prefix:
        yield prefix


@pytest.fixture
async def database(servers: real.ServerAddresses) -> AsyncIterator[str]:
    """Yield the DSN of an empty database, dropped after the test."""
    async with real.fresh_database(servers) as dsn:
        yield dsn


@pytest.fixture
def start_kafka(run_folder: Path) -> Iterator[Callable[..., KafkaServer]]:
    """Yield a function that starts a private broker, for tests that kill or freeze it."""
    with ExitStack() as stack:
        yield lambda **properties: stack.enter_context(real.private_kafka(run_folder, properties=properties))


@pytest.fixture
def start_postgres(run_folder: Path) -> Iterator[Callable[..., PostgresServer]]:
    """Yield a function that starts a private PostgreSQL, for tests that kill or freeze it."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(real.private_postgres(run_folder, options=options))
