"""Intake running once for all tests that do it no harm, and one for each that does."""

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests import servers as real
from tests.intake.intake_service import Rig, installed


@pytest.fixture(scope="session")
async def running_intake(servers: real.Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    """Give an intake that answers, with the tiny city and a key for everybody."""
    async with real.fresh_database(servers) as database:
        folder = tmp_path_factory.mktemp("intake")
        async with installed(servers.kafka, database, f"t{uuid.uuid4().hex[:10]}.", folder) as rig:
            await rig.start()
            yield rig
            assert rig.stop() == 0, rig.log.read_text()[-4000:]


@pytest.fixture
async def intake(running_intake: Rig) -> AsyncIterator[Rig]:
    """Give the one intake. Its readers end with the test: others may keep the loop for longer than a fetch may take."""
    yield running_intake
    await running_intake.stop_reading()


@pytest.fixture
async def own(servers: real.Servers, database: str, topic_prefix: str, tmp_path: Path) -> AsyncIterator[Rig]:
    """Give an intake that a test may harm, not started yet."""
    async with installed(servers.kafka, database, topic_prefix, tmp_path) as rig:
        yield rig
