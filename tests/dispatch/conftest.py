"""Fixtures: dispatch's tables alone, and the whole service on a real Kafka."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest

from tests import servers as real
from tests.dispatch import database_fixture, dispatch_service
from tests.dispatch.dispatch_service import DispatchService
from tests.dispatch.inbox_entries import city_in_force


@pytest.fixture(scope="module")
async def module_pool(servers: real.ServerAddresses) -> AsyncIterator["asyncpg.Pool[Any]"]:
    async with real.fresh_database(servers) as dsn, database_fixture.open_pool(dsn) as opened:
        yield opened


@pytest.fixture
async def pool(module_pool: "asyncpg.Pool[Any]") -> "asyncpg.Pool[Any]":
    await database_fixture.clear_tables(module_pool)
    return module_pool


@pytest.fixture(scope="module")
async def service(servers: real.ServerAddresses) -> AsyncIterator[DispatchService]:
    """Run one dispatch for a whole module; each test has reports, answers and keys of its own."""
    async with (
        real.fresh_prefix(servers.kafka) as prefix,
        real.fresh_database(servers) as dsn,
        dispatch_service.open_service(servers.kafka, prefix, dsn) as opened,
    ):
        yield opened


@pytest.fixture(scope="module")
async def client(service: DispatchService) -> AsyncIterator[httpx.AsyncClient]:
    async with service.run_in_process() as edge:
        await service.append_to_inbox(city_in_force())
        yield edge
