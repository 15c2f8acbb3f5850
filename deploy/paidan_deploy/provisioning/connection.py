"""Connections to the installation's database for commands."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from paidan_chassis.database import Connection
from paidan_deploy.errors import DeployError
from paidan_deploy.servers.dsn import redact_password


class DatabaseUnreachableError(DeployError):
    """PostgreSQL does not answer, or refuses the connection."""


@asynccontextmanager
async def open_connection(dsn: str, *, timeout_s: float = 10) -> AsyncIterator[Connection]:
    """Open a connection for one command, and close it. Raises DatabaseUnreachableError."""
    try:
        connection = await asyncpg.connect(dsn, timeout=timeout_s)
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise DatabaseUnreachableError(_unreachable_message(dsn, error, timeout_s)) from error
    try:
        yield connection
    finally:
        await connection.close(timeout=5)


def _unreachable_message(dsn: str, error: Exception, timeout_s: float) -> str:
    reason = (
        f"no answer within {timeout_s:g} s / {timeout_s:g} 秒内没有应答"
        if isinstance(error, TimeoutError)
        else str(error)
    )
    # What is no DSN may be anything, a password included.
    address = redact_password(dsn) if dsn.startswith(("postgresql://", "postgres://")) else "the address given 所给地址"
    return (
        f"PostgreSQL at {address} cannot be used: {reason or type(error).__name__}."
        " Is it up? PAIDAN_DATABASE names another; `paidan up --detach` starts the stack's own"
        f" / 无法使用 {address} 的 PostgreSQL（{reason or type(error).__name__}）。它启动了吗？"
        "PAIDAN_DATABASE 可指定另一个；`paidan up --detach` 启动本地栈自带的"
    )
