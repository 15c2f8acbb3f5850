"""The one database session a consumer holds, and how it gets past an owner that froze with a lane's row in hand."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable
from typing import Any, Final, TypeVar

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from paidan_chassis.database import DB_ERRORS, Connection, Pool
from paidan_chassis.observability.logs import Logger

T = TypeVar("T")

_LOCK_WAIT_ATTEMPTS: Final = 5
_ACQUIRE_TIMEOUT_S: Final = 5.0

TERMINATE_BLOCKERS: Final = """
    SELECT pid, pg_terminate_backend(pid) AS terminated
      FROM pg_stat_activity
     WHERE pid = ANY(pg_blocking_pids($1))
       AND usename = current_user
"""


class HeldConnection:
    """Holds one connection of the pool, replaces it when it breaks.

    A pool resets a connection each time it is given back; held, a batch costs one round trip less.
    """

    def __init__(self, pool: Pool, log: Logger, *, lock_wait_s: float) -> None:
        self.terminated = 0
        """Sessions of others that were ended because they held a lane's row and did nothing."""
        self.acquisitions = 0
        """Connections held since the start: more than a while ago, and the one of then is gone."""
        self._pool = pool
        self._log = log
        self._lock_wait_s = lock_wait_s
        self._conn: PoolConnectionProxy[Any] | None = None

    async def get(self) -> Connection:
        """Give the connection, a new one when the old one is broken."""
        if self.is_lost:
            await self.discard()
        if self._conn is None:
            conn = await self._pool.acquire(timeout=_ACQUIRE_TIMEOUT_S)
            # We end the waiting ourselves, by terminating whoever is waited for; this limit is the last resort.
            await conn.execute(f"SET lock_timeout = {int(self._lock_wait_s * 1000 * _LOCK_WAIT_ATTEMPTS)}")
            self._conn = conn
            self.acquisitions += 1
        return self._conn

    @property
    def is_lost(self) -> bool:
        """Whether the connection broke and nobody has asked for another yet."""
        try:
            return self._conn is not None and self._conn.is_closed()
        except asyncpg.InterfaceError:
            return True  # the pool has taken it back already, and what is left of it cannot even be asked

    @contextlib.asynccontextmanager
    async def extra_connection(self) -> AsyncIterator[Connection]:
        """Lend another connection, for what must not wait for the batch in hand."""
        async with self._pool.acquire(timeout=_ACQUIRE_TIMEOUT_S) as conn:
            yield conn

    async def discard(self) -> None:
        """Let go of the connection, whatever state it is in."""
        conn, self._conn = self._conn, None
        if conn is not None:
            with contextlib.suppress(*DB_ERRORS):
                await self._pool.release(conn, timeout=1.0)

    async def run_terminating_blockers(self, conn: Connection, query: Awaitable[T]) -> T:
        """Await a statement that locks; end the sessions it waits for when they do not move."""
        query_task = asyncio.ensure_future(query)
        try:
            for _ in range(_LOCK_WAIT_ATTEMPTS - 1):
                await asyncio.wait([query_task], timeout=self._lock_wait_s)
                if query_task.done():
                    break
                await self._terminate_blockers(conn.get_server_pid())
            return await query_task
        finally:
            query_task.cancel()

    async def _terminate_blockers(self, waiting_pid: int) -> None:
        # Same role: a role may end its own sessions, and nobody else's ever lock a lane.
        async with self.extra_connection() as conn:
            terminated_pids = [
                row["pid"] for row in await conn.fetch(TERMINATE_BLOCKERS, waiting_pid) if row["terminated"]
            ]
        if terminated_pids:
            self.terminated += len(terminated_pids)
            self._log.warning("frozen_owner_terminated", pids=terminated_pids)
