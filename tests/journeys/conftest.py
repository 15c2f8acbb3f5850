"""One whole installation for all journeys, on the run's servers."""

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.journeys.installation import Installation, installed
from tests.servers import Servers, fresh_database


@pytest.fixture(scope="session")
async def installation(servers: Servers, run_folder: Path) -> AsyncIterator[Installation]:
    """Bring everything up with every city of the repository published."""
    async with fresh_database(servers) as database:
        prefix = f"j{uuid.uuid4().hex[:8]}."
        with installed(run_folder / "journeys", servers, database=database, prefix=prefix) as running:
            yield running
