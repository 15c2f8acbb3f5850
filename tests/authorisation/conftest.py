"""The edges of all services, opened once for all tests of this folder."""

from collections.abc import AsyncIterator

import pytest

from tests.authorisation.services import Edges, open_edges
from tests.servers import ServerAddresses

pytest.register_assert_rewrite("tests.authorisation.connection_rules", "tests.authorisation.request_rules")


@pytest.fixture(scope="session")
async def edges(servers: ServerAddresses, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Edges]:
    async with open_edges(servers, tmp_path_factory.mktemp("edges")) as opened:
        yield opened
