"""One whole installation for all journeys, on the run's servers."""

from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.browser.conftest import browser, pages  # noqa: F401 - fixtures
from tests.journeys.installation import CommandRunner, running_installation
from tests.servers import ServerAddresses, fresh_database, fresh_prefix

STARTED = pytest.StashKey[ExitStack]()


@pytest.fixture(scope="session")
async def installation(
    servers: ServerAddresses, run_folder: Path, request: pytest.FixtureRequest
) -> AsyncIterator[CommandRunner]:
    """Start everything, with every city of the repository published; it is stopped after the last journey."""
    async with fresh_prefix(servers.kafka) as prefix, fresh_database(servers) as database:
        with ExitStack() as stack:
            request.session.stash[STARTED] = stack
            yield stack.enter_context(
                running_installation(run_folder / "journeys", servers, database=database, prefix=prefix)
            )


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Stop the installation before other tests begin: its services would take their time from them."""
    if (nextitem is None or nextitem.path.parent != item.path.parent) and STARTED in item.session.stash:
        item.session.stash[STARTED].close()
