"""Gives out and takes back API keys in every service at once, so that no service reads another's schema."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import asyncpg

from paidan_chassis.edge.api_keys import (
    ApiKey,
    add_key,
    generate_key,
    list_keys,
    revoke_key,
)
from paidan_deploy.services import SERVICES

Connection: TypeAlias = "asyncpg.Connection[Any]"


@asynccontextmanager
async def open_connection(dsn: str) -> AsyncIterator[Connection]:
    """Open one connection for a command."""
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        yield connection
    finally:
        await connection.close(timeout=5)


async def create_key(connection: Connection, *, name: str, city: str, scopes: Collection[str]) -> tuple[str, str]:
    """Make a key good in every service and give its token, which nobody can read again, and its id.

    Raises ``BadKey`` for a scope or city that a key cannot have.
    """
    token, key = generate_key(name=name, city=city, scopes=scopes)
    async with connection.transaction():
        for service in SERVICES:
            await add_key(connection, service.name, key)
    return token, key.key_id


async def revoke_everywhere(connection: Connection, key_id: str) -> bool:
    """Revoke a key everywhere; False when nobody knows it. Running services obey within seconds."""
    async with connection.transaction():
        revoked = [await revoke_key(connection, service.name, key_id) for service in SERVICES]
    return any(revoked)


async def all_keys(connection: Connection) -> list[ApiKey]:
    """List every key, oldest first; all services have the same ones."""
    return await list_keys(connection, SERVICES[0].name)
