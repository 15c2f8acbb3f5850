"""Connections to the installation's database for commands."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from paidan_chassis.database import Connection


@asynccontextmanager
async def open_connection(dsn: str, *, timeout_s: float = 10) -> AsyncIterator[Connection]:
    """Open a connection for one command, and close it."""
    connection = await asyncpg.connect(dsn, timeout=timeout_s)
    try:
        yield connection
    finally:
        await connection.close(timeout=5)
