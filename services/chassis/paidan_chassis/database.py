"""The pool of connections and what every one of them is told."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias, TypeVar

import asyncpg
from pydantic import SecretStr

T = TypeVar("T")
Pool: TypeAlias = "asyncpg.Pool[Any]"
Connection: TypeAlias = "asyncpg.Connection[Any] | asyncpg.pool.PoolConnectionProxy[Any]"

IDLE_IN_TRANSACTION_S: Final = 5.0
LOCK_TIMEOUT_S: Final = 2.0
STATEMENT_TIMEOUT_S: Final = 60.0


@asynccontextmanager
async def open_pool(dsn: SecretStr, *, schema: str, size: int = 8, within_s: float = 30.0) -> AsyncIterator[Pool]:
    """Open a pool whose connections work in this schema, waiting for a server that is still starting.

    Each connection frees its locks when left idle in a transaction for 5 s (the fence against a
    frozen owner) and gives up waiting for a lock after 2 s. Statements name no schema.
    """
    raise NotImplementedError
    yield


def is_transient(error: BaseException) -> bool:
    """Tell whether the same work may succeed later: the server is away, starting, or gave us up as a victim."""
    raise NotImplementedError


async def retrying(
    work: Callable[[], Awaitable[T]], *, within_s: float, on_fault: Callable[[BaseException], None] | None = None
) -> T:
    """Do this work, again with back-off while its faults are transient, and raise the last one after ``within_s``."""
    raise NotImplementedError
