"""Creates and revokes API keys in every service at once, so that no service reads another's schema."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

import asyncpg

from paidan_chassis.database import Connection
from paidan_chassis.edge.api_keys import ApiKey, add_key, generate_key, list_keys, revoke_key
from paidan_contracts.scopes import validate_key
from paidan_deploy.services import SERVICES


@asynccontextmanager
async def open_connection(dsn: str) -> AsyncIterator[Connection]:
    """Open a connection for one command, and close it."""
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        yield connection
    finally:
        await connection.close(timeout=5)


async def create_key(connection: Connection, *, name: str, city: str, scopes: Collection[str]) -> tuple[str, str]:
    """Create a key that is valid in every service; return its token, which is not stored, and its id.

    Raises ``InvalidScope`` for a scope or city that a key cannot have.
    """
    validate_key(city, scopes)
    token, key = generate_key(name=name, city=city, scopes=scopes)
    async with connection.transaction():
        for service in SERVICES:
            await add_key(connection, service.name, key)
    return token, key.key_id


async def revoke_everywhere(connection: Connection, key_id: str) -> bool:
    """Revoke a key in every service; False when it does not exist. Running services refuse it within seconds."""
    async with connection.transaction():
        revoked = [await revoke_key(connection, service.name, key_id) for service in SERVICES]
    return any(revoked)


async def all_keys(connection: Connection) -> list[ApiKey]:
    """List every key, oldest first; all services store the same ones."""
    return await list_keys(connection, SERVICES[0].name)
