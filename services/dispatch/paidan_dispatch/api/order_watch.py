"""Lets requests wait until a department's open orders change: one statement for all of them, none while none waits."""

import asyncio
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from paidan_chassis.database import Pool
from paidan_chassis.edge.problems import Problem

CHECK_EVERY_S: Final = 0.25
MAX_WAIT_S: Final = 30
MAX_WAITING: Final = 500
MAX_WAITING_OF_A_KEY: Final = 10

SELECT_APPLIED: Final = "SELECT coalesce(sum(next_offset), 0)::bigint FROM lane WHERE consumer = $1"

SELECT_TAGS: Final = """
    SELECT department, city, md5(string_agg(case_id || ':' || version, ' ' ORDER BY case_id, version)) AS tag
      FROM (SELECT department, city, case_id, version
              FROM case_now
             WHERE department = ANY($1::text[])
               AND ended_at IS NULL
               AND status <> ALL(ARRAY['received', 'filed'])
               AND NOT past
             UNION ALL
            SELECT helper.department, city, case_id, version
              FROM case_now
              JOIN helper USING (case_id)
             WHERE helper.department = ANY($1::text[])) AS open_order
     GROUP BY department, city
"""

Tags = dict[tuple[str, str], str]


@dataclass(eq=False, slots=True)
class WaitingRequest:
    """A request that waits for the tag of a department's orders, in one city or in all, to differ from a known one."""

    department: str
    city: str | None
    known: str
    woken: asyncio.Event = field(default_factory=asyncio.Event)


class OrderWatch:
    """Computes the tags of departments' open orders, and wakes requests that wait for another one."""

    def __init__(self, pool: Pool, consumer: str, stopping: asyncio.Event) -> None:
        self._pool = pool
        self._consumer = consumer
        self._stopping = stopping
        self.waiting: set[WaitingRequest] = set()
        self._keys: Counter[str] = Counter()
        self._applied: int | None = None

    async def tag(self, department: str, city: str | None) -> str:
        """Return a text that differs once an open order of the department is issued, changed or withdrawn."""
        return _tag_of(await self._load_tags({department}), department, city)

    async def wait(self, request: WaitingRequest, within_s: float, key_id: str) -> None:
        """Return when the tag differs from the known one, the time is over, or the process stops.

        Raises Problem 429 when too many wait, in all or of this key.
        """
        if len(self.waiting) >= MAX_WAITING or self._keys[key_id] >= MAX_WAITING_OF_A_KEY:
            raise _too_many_wait()
        self.waiting.add(request)
        self._keys[key_id] += 1
        self._applied = None  # what changed before this request waited is compared, too
        try:
            async with asyncio.timeout(within_s):
                await request.woken.wait()
        except TimeoutError:
            pass
        finally:
            self.waiting.discard(request)
            self._keys[key_id] -= 1
            self._keys += Counter()

    async def check(self) -> None:
        """Wake whom a change concerns; everybody when the process stops. Run it every ``CHECK_EVERY_S``."""
        if not self.waiting:
            return
        if self._stopping.is_set():
            self._wake(self.waiting)
            return
        applied = await self._pool.fetchval(SELECT_APPLIED, self._consumer, timeout=10)
        if applied == self._applied:
            return
        self._applied = applied
        waiting = tuple(self.waiting)
        tags = await self._load_tags({each.department for each in waiting})
        self._wake([each for each in waiting if _tag_of(tags, each.department, each.city) != each.known])

    def _wake(self, requests: Collection[WaitingRequest]) -> None:
        for each in requests:
            each.woken.set()

    async def _load_tags(self, departments: Collection[str]) -> Tags:
        rows = await self._pool.fetch(SELECT_TAGS, departments, timeout=10)
        return {(row["department"], row["city"]): row["tag"] for row in rows}


def _tag_of(tags: Tags, department: str, city: str | None) -> str:
    own = sorted((key, tag) for key, tag in tags.items() if key[0] == department and city in (None, key[1]))
    return sha256(repr(own).encode()).hexdigest()[:32]


def _too_many_wait() -> Problem:
    return Problem(
        429,
        "too_many_requests",
        "too many requests wait for changes: ask without `wait`, or let fewer wait at once",
        "等待变更的请求过多：请不带 `wait` 查询，或减少同时等待的请求",
        retry_after_s=5,
    )
