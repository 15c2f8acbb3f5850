"""PostgreSQL connection pools with time limits, and which errors are transient."""

import asyncio
import contextlib
import errno
import random
import re
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, nullcontext
from functools import partialmethod
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

import asyncpg
from pydantic import SecretStr

T = TypeVar("T")
Pool: TypeAlias = "asyncpg.Pool[Any]"
Connection: TypeAlias = "asyncpg.Connection[Any] | asyncpg.pool.PoolConnectionProxy[Any]"
Executor: TypeAlias = "asyncpg.Connection[Any] | asyncpg.pool.PoolConnectionProxy[Any] | asyncpg.Pool[Any]"
"""What runs a single statement: a connection, or a pool that lends one for it."""

if TYPE_CHECKING:
    _AnyPool = asyncpg.Pool[Any]
else:
    _AnyPool = asyncpg.Pool  # generic in its stubs only

IDLE_IN_TRANSACTION_S: Final = 5.0
LOCK_TIMEOUT_S: Final = 2.0
STATEMENT_TIMEOUT_S: Final = 60.0
ACQUIRE_TIMEOUT_S: Final = 10.0

# An awaitable that does nothing: asyncpg itself has rolled back by then whatever transaction was still open.
_NO_RESET: Final = nullcontext().__aexit__

DB_ERRORS: Final = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What the network, the server and the driver raise; ``is_transient`` returns whether one is worth a retry."""

# Transient classes of SQLSTATE: connection, rollback (deadlock...), resources, operator (restart...).
_TRANSIENT_CLASSES: Final = frozenset({"08", "40", "53", "57"})
# Lock not available; idle in a transaction for too long; cannot run in a read-only transaction (a fail-over).
_TRANSIENT_STATES: Final = frozenset({"55P03", "25P03", "25006"})
_UNREACHABLE_ERRNOS: Final = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTDOWN})
# asyncpg raises one class for a connection that the server closed and for misuse: only the text differs.
_CONNECTION_LOST: Final = re.compile(
    r"connection (is|was|has been|lost)|closed|closing|released|__aexit__", re.IGNORECASE
)


@asynccontextmanager
async def open_pool(  # noqa: PLR0913 - each is stated by name
    dsn: SecretStr,
    *,
    schema: str,
    size: int = 8,
    timeout_s: float = 30.0,
    skip_reset: bool = False,
    idle_in_transaction_s: float = IDLE_IN_TRANSACTION_S,
    options: Mapping[str, str] = MappingProxyType({}),
) -> AsyncIterator[Pool]:
    """Open a pool whose connections use this schema, waiting for a server that is still starting.

    A connection that is idle in a transaction for so long is closed and frees its locks (the fence against a frozen
    process); one that waits for a lock for 2 s gets an error. ``skip_reset`` saves a round trip on each release, for
    callers that leave no session state behind (settings, session locks). ``options`` are further session settings.
    """
    settings = session_settings(schema, idle_in_transaction_s=idle_in_transaction_s) | dict(options)
    pool = await retry(
        lambda: _create_pool(dsn, settings=settings, size=size, skip_reset=skip_reset), timeout_s=timeout_s
    )
    try:
        yield pool
    finally:
        await _close_pool(pool)


class _TimeoutPool(_AnyPool):
    """A pool whose ``acquire`` has a timeout by default.

    Without one asyncpg waits for a connection without end, and a release waits without end for the answer to a
    cancelled statement, even inside ``asyncio.timeout``.
    """

    acquire = partialmethod(asyncpg.Pool.acquire, timeout=ACQUIRE_TIMEOUT_S)


async def _create_pool(dsn: SecretStr, *, settings: dict[str, str], size: int, skip_reset: bool) -> Pool:
    return await _TimeoutPool(
        dsn.get_secret_value(),
        min_size=min(2, size),
        max_size=size,
        max_queries=50_000,
        max_inactive_connection_lifetime=300.0,
        connection_class=asyncpg.Connection,
        record_class=asyncpg.Record,
        loop=None,
        timeout=5.0,
        command_timeout=STATEMENT_TIMEOUT_S + 5.0,
        server_settings=settings,
        reset=_NO_RESET if skip_reset else None,
    )


async def _close_pool(pool: Pool) -> None:
    # close() waits for connections in use; when it is cancelled, it terminates them.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(2.0):
            await pool.close()


def session_settings(schema: str, *, idle_in_transaction_s: float = IDLE_IN_TRANSACTION_S) -> dict[str, str]:
    """Return the session settings of every connection of a service, pooled or not."""
    return {
        "search_path": schema,
        "application_name": f"paidan-{schema}",
        "timezone": "UTC",
        "idle_in_transaction_session_timeout": _milliseconds(idle_in_transaction_s),
        "lock_timeout": _milliseconds(LOCK_TIMEOUT_S),
        "statement_timeout": _milliseconds(STATEMENT_TIMEOUT_S),
        # The server detects within half a minute that a peer is unreachable, and frees its locks.
        "tcp_keepalives_idle": "10",
        "tcp_keepalives_interval": "5",
        "tcp_keepalives_count": "3",
        "jit": "off",  # statements are short; compiling them costs more than running them
    }


def is_transient(error: BaseException) -> bool:
    """Return whether a retry may succeed: the server is down or starting, or chose us as a deadlock victim."""
    match error:
        case asyncpg.PostgresError():
            state = error.sqlstate or ""
            return state[:2] in _TRANSIENT_CLASSES or state in _TRANSIENT_STATES
        case asyncpg.InterfaceError():
            return not isinstance(error, ValueError) and bool(_CONNECTION_LOST.search(str(error)))
        case asyncpg.InternalClientError():
            # The server has announced the end of the session, and the connection is not closed yet.
            return "cannot switch to state" in str(error)
        case ConnectionError() | TimeoutError() | socket.gaierror():
            return True
        case OSError():
            # Several addresses that refuse at once raise one OSError without errno.
            return error.errno in _UNREACHABLE_ERRNOS or "Connect call failed" in str(error)
        case _:
            return False


async def retry(
    operation: Callable[[], Awaitable[T]], *, timeout_s: float, on_error: Callable[[BaseException], None] | None = None
) -> T:
    """Run an operation, retry it with back-off on transient errors, and raise the last error after ``timeout_s``."""
    deadline, wait_s = time.monotonic() + timeout_s, 0.05
    while True:
        try:
            return await operation()
        except DB_ERRORS as error:
            if not is_transient(error) or time.monotonic() + wait_s > deadline:
                raise
            if on_error:
                on_error(error)
        # With jitter, so that not all processes reconnect to a restarted server in the same instant.
        await asyncio.sleep(wait_s * random.uniform(0.5, 1.0))  # noqa: S311 - nothing secret
        wait_s = min(wait_s * 2, 1.0)


def _milliseconds(seconds: float) -> str:
    return str(round(seconds * 1000))
