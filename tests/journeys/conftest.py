"""One whole installation for all journeys, on the run's servers."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.browser.conftest import browser, pages  # noqa: F401 - fixtures
from tests.journeys.installation import CommandRunner, running_installation
from tests.servers import ServerAddresses, fresh_database, fresh_prefix


@pytest.fixture(scope="session")
async def installation(servers: ServerAddresses, run_folder: Path) -> AsyncIterator[CommandRunner]:
    """Start everything, with every city of the repository published."""
    async with fresh_prefix(servers.kafka) as prefix, fresh_database(servers) as database:
        with running_installation(run_folder / "journeys", servers, database=database, prefix=prefix) as running:
            yield running
