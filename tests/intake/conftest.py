"""Intake running once for all tests that do it no harm, and one for each that does."""

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
    """Give an intake that answers, with the tiny city and a key for everybody."""
    async with real.fresh_database(servers) as database:
        folder = tmp_path_factory.mktemp("intake")
        async with prepared_service(servers.kafka, database, f"t{uuid.uuid4().hex[:10]}.", folder) as service:
            await service.start()
            yield service
            assert service.stop() == 0, service.log.read_text()[-4000:]


@pytest.fixture
async def intake(running_intake: IntakeService) -> AsyncIterator[IntakeService]:
    """Give the one intake. Its readers end with the test: others may keep the loop for longer than a fetch may take."""
    yield running_intake
    await running_intake.close_readers()


@pytest.fixture
async def private_intake(
    servers: real.ServerAddresses, database: str, topic_prefix: str, tmp_path: Path
) -> AsyncIterator[IntakeService]:
    """Give an intake that a test may harm, not started yet."""
    async with prepared_service(servers.kafka, database, topic_prefix, tmp_path) as service:
        yield service
