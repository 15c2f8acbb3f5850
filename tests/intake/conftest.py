"""Fixtures: an intake shared by the tests, and one of its own for a test that stops or breaks it."""

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests import servers as real
from tests.intake.intake_service import IntakeService, prepared_service


@pytest.fixture(scope="session")
async def running_intake(
    servers: real.ServerAddresses, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[IntakeService]:
    """Start an intake with the tiny city and a key of every kind."""
    async with real.fresh_database(servers) as database:
        folder = tmp_path_factory.mktemp("intake")
        async with prepared_service(servers.kafka, database, f"t{uuid.uuid4().hex[:10]}.", folder) as service:
            await service.start()
            yield service
            assert service.stop() == 0, service.log.read_text()[-4000:]


@pytest.fixture
async def intake(running_intake: IntakeService) -> AsyncIterator[IntakeService]:
    """Yield the shared intake, and close its readers: the next test may block the loop for longer than a fetch."""
    yield running_intake
    await running_intake.close_readers()


@pytest.fixture
async def private_intake(
    servers: real.ServerAddresses, database: str, topic_prefix: str, tmp_path: Path
) -> AsyncIterator[IntakeService]:
    """Return an intake of the test's own, not started yet."""
    async with prepared_service(servers.kafka, database, topic_prefix, tmp_path) as service:
        yield service
