"""The one database connection that a consumer holds, and how it ends sessions that block it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, Final

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from paidan_chassis.database import DB_ERRORS, Connection, Pool
from paidan_chassis.observability.logs import Logger

_LOCK_WAIT_ATTEMPTS: Final = 5
_ACQUIRE_TIMEOUT_S: Final = 5.0

TERMINATE_BLOCKERS: Final = """
    SELECT pid, pg_terminate_backend(pid) AS terminated
      FROM pg_stat_activity
     WHERE pid = ANY(pg_blocking_pids($1))
       AND usename = current_user
"""


class HeldConnection:
    """One connection of the pool, replaced when it breaks.

    A pool resets a connection on each release; holding it saves each batch one round trip.
    """

    def __init__(self, pool: Pool, log: Logger, *, lock_wait_s: float) -> None:
        self.current: Connection | None = None
        """The held connection; None when ``get`` has to acquire one."""
        self.lock_wait_s = lock_wait_s
        self.terminated = 0
        """Sessions of other owners that were terminated because they held a lane's row and did nothing."""
        self.acquisitions = 0
        """Connections acquired since the start: when the number has grown, the connection was replaced."""
        self._pool = pool
        self._log = log
        self._conn: PoolConnectionProxy[Any] | None = None

    async def get(self) -> Connection:
        """Return the held connection, a new one when there is none or it is broken."""
        if self.is_lost:
            await self.discard()
        if self._conn is None:
            conn = await self._pool.acquire(timeout=_ACQUIRE_TIMEOUT_S)
            # Blockers are terminated long before; this limit is the last resort.
            await conn.execute(f"SET lock_timeout = {int(self.lock_wait_s * 1000 * _LOCK_WAIT_ATTEMPTS)}")
            conn.add_termination_listener(self._forget_current)
            self._conn = self.current = conn
            self.acquisitions += 1
        return self._conn

    @property
    def is_lost(self) -> bool:
        """Whether the connection broke and has not been replaced yet."""
        try:
            return self._conn is not None and self._conn.is_closed()
        except asyncpg.InterfaceError:
            return True  # the pool has taken it back already: its proxy raises on every call

    @contextlib.asynccontextmanager
    async def extra_connection(self) -> AsyncIterator[Connection]:
        """Open another connection, for statements that must not wait for the running batch."""
        async with self._pool.acquire(timeout=_ACQUIRE_TIMEOUT_S) as conn:
            yield conn

    async def discard(self) -> None:
        """Release the connection to the pool, whatever state it is in."""
        conn, self._conn, self.current = self._conn, None, None
        if conn is not None:
            with contextlib.suppress(*DB_ERRORS):
                conn.remove_termination_listener(self._forget_current)
            with contextlib.suppress(*DB_ERRORS):
                await self._pool.release(conn, timeout=1.0)

    async def terminate_blockers_of(self, conn: Connection, query: "asyncio.Future[Any]") -> None:
        """Terminate the sessions that a waiting query of ours is blocked by, a few times, until it is done."""
        for _ in range(_LOCK_WAIT_ATTEMPTS - 1):
            await self._terminate_blockers(conn.get_server_pid())
            await asyncio.wait([query], timeout=self.lock_wait_s)
            if query.done():
                return

    async def _terminate_blockers(self, waiting_pid: int) -> None:
        # Same role: a role may end its own sessions, and no other role ever locks a lane.
        async with self.extra_connection() as conn:
            terminated_pids = [
                row["pid"] for row in await conn.fetch(TERMINATE_BLOCKERS, waiting_pid) if row["terminated"]
            ]
        if terminated_pids:
            self.terminated += len(terminated_pids)
            self._log.warning("frozen_owner_terminated", pids=terminated_pids)

    def _forget_current(self, _conn: object) -> None:
        if self.is_lost:
            self.current = None
