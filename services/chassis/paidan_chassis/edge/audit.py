"""Who did what with a key: refusals counted by minute, last uses, and the access log of grants and looks at persons."""

import asyncio
import contextlib
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from starlette.types import Scope

from paidan_chassis.clock import real_now
from paidan_chassis.database import DB_ERRORS, Executor, Pool
from paidan_chassis.edge.scope_keys import PRINCIPAL_KEY
from paidan_chassis.observability.logs import get_logger

FLUSH_INTERVAL_S: Final = 10.0
USE_INTERVAL_S: Final = 60.0
"""The last use of a key is written at most once in this time."""
KEPT_FOR: Final = "200 days"
_MAX_PENDING: Final = 10_000
_OTHERS: Final = "others"
_log = get_logger()


class RefusedRequests(NamedTuple):
    """A refused request as it is counted. ``key_id`` is empty where no valid key was sent."""

    minute: datetime
    key_id: str
    address: str
    route: str
    status: int


@dataclass(frozen=True, slots=True)
class AccessEvent:
    """An entry of the access log: who did what, with or to which key, about what."""

    kind: str
    actor: str
    key_id: str | None = None
    subject: str | None = None
    detail: str | None = None


class AccessRecorder:
    """Collects refusals and uses in memory, and writes them every few seconds: no request waits for it."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._refusals: Counter[RefusedRequests] = Counter()
        self._used: dict[str, float] = {}
        self._unwritten_uses: set[str] = set()
        self._is_closing = asyncio.Event()

    def count_refusal(self, *, key_id: str, address: str, route: str, status: int) -> None:
        """Count a refused request. Above a bound of rows, its address is no longer told apart."""
        minute = real_now().replace(second=0, microsecond=0)
        refusal = RefusedRequests(minute, key_id, address, route, status)
        if len(self._refusals) >= _MAX_PENDING and refusal not in self._refusals:
            refusal = refusal._replace(address=_OTHERS)
        self._refusals[refusal] += 1

    def count_request(self, scope: Scope, route: str, status: int) -> None:
        """Count a refused request under its key, if it had one, and its address."""
        caller, client = scope.get(PRINCIPAL_KEY), scope.get("client")
        self.count_refusal(
            key_id=caller.key_id if caller else "", address=client[0] if client else "", route=route, status=status
        )

    def note_use(self, key_id: str) -> None:
        """Note that a key was used, unless that was noted within the last minute."""
        now = time.monotonic()
        if now - self._used.get(key_id, -USE_INTERVAL_S) >= USE_INTERVAL_S:
            self._used[key_id] = now
            self._unwritten_uses.add(key_id)

    async def run(self) -> None:
        """Write what was collected, every few seconds; the last of it once closed, if the database can be reached."""
        while not self._is_closing.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._is_closing.wait(), FLUSH_INTERVAL_S)
            await self.flush()
        await self.flush()

    async def flush(self) -> None:
        """Write what was collected; keep it for the next time if the database is down."""
        refusals, self._refusals = self._refusals, Counter()
        used, self._unwritten_uses = self._unwritten_uses, set()
        if not refusals and not used:
            return
        try:
            async with self._pool.acquire(timeout=5) as conn:
                if refusals:
                    rows = [(*refusal, number) for refusal, number in sorted(refusals.items())]
                    await conn.execute(_ADD_REFUSALS, *map(list, zip(*rows, strict=True)), timeout=5)
                    refusals = Counter()
                    await conn.execute(_DELETE_OLD_REFUSALS, timeout=5)
                if used:
                    await conn.execute(_SET_LAST_USE, sorted(used), timeout=5)
                    used = set()
        except DB_ERRORS as error:
            _log.warning("access_records_put_off", fault=type(error).__name__)
        finally:
            # What was not written, whatever kept it: a cancelled flush, too.
            self._refusals += refusals
            self._unwritten_uses |= used

    def close(self) -> None:
        """Let ``run`` write the last of it and end."""
        self._is_closing.set()


async def log_access(executor: Executor, event: AccessEvent, *, schema: str | None = None) -> None:
    """Append to the access log, in the executor's transaction; before what it records is done or shown."""
    table = f'"{schema}".access_log' if schema else "access_log"
    await executor.execute(
        f"INSERT INTO {table} (kind, actor, key_id, subject, detail) VALUES ($1, $2, $3, $4, $5)",
        event.kind,
        event.actor,
        event.key_id,
        event.subject,
        event.detail,
    )


_ADD_REFUSALS: Final = """
    INSERT INTO refusal AS known (minute, key_id, address, route, status, number)
    SELECT *
      FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::smallint[], $6::bigint[])
        ON CONFLICT (minute, key_id, address, route, status) DO UPDATE
       SET number = known.number + EXCLUDED.number
"""
_DELETE_OLD_REFUSALS: Final = f"""
    DELETE FROM refusal
     WHERE minute < now() - interval '{KEPT_FOR}'
"""
_SET_LAST_USE: Final = """
    UPDATE api_key
       SET last_used_at = GREATEST(last_used_at, clock_timestamp())
     WHERE key_id = ANY($1::text[])
"""
