"""Lets requests wait for a change (long poll): one statement for all of them, none while none waits."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Hashable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from paidan_chassis.database import DB_ERRORS, Pool
from paidan_chassis.edge.problems import Problem
from paidan_chassis.observability import logs

CHECK_EVERY_S: Final = 0.25
MAX_WAIT_S: Final = 30
MAX_WAITING: Final = 500
MAX_WAITING_OF_A_KEY: Final = 10

# Numbers that only grow, of a consumer's own rows: while they stand, it has changed nothing.
SELECT_APPLIED: Final = "SELECT coalesce(sum(next_offset), 0)::bigint FROM lane WHERE consumer = $1"

_log: Final = logs.get_logger()
KeyT = TypeVar("KeyT", bound=Hashable)
LoadTags = Callable[[Collection[KeyT]], Awaitable[Mapping[KeyT, str]]]


@dataclass(eq=False, slots=True)
class WaitingRequest(Generic[KeyT]):
    """A request that waits for something's tag to differ from a known one."""

    key: KeyT
    known: str
    woken: asyncio.Event = field(default_factory=asyncio.Event)


class ChangeWatch(Generic[KeyT]):
    """Wakes requests that wait for a change of what one consumer of this service writes.

    ``load_tags`` returns, for each of the things asked for, a text that differs once it has changed.
    """

    def __init__(self, pool: Pool, consumer: str, load_tags: LoadTags[KeyT], stopping: asyncio.Event) -> None:
        self._pool = pool
        self._consumer = consumer
        self._load_tags = load_tags
        self._stopping = stopping
        self.waiting: set[WaitingRequest[KeyT]] = set()
        self._callers: Counter[str] = Counter()
        self._applied: int | None = None
        self._someone_waits = asyncio.Event()

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Check while the context is open, every ``CHECK_EVERY_S`` as long as a request waits, else not at all."""
        task = asyncio.create_task(self._run(), name=f"change watch {self._consumer}")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await self._someone_waits.wait()
            try:
                await self.check()
            except DB_ERRORS as error:
                self._applied = None  # what was read last was compared with nothing
                _log.warning("change_watch_failed", consumer=self._consumer, fault=type(error).__name__)
            await asyncio.sleep(CHECK_EVERY_S)
            if not self.waiting:
                self._someone_waits.clear()

    async def tag(self, key: KeyT) -> str:
        """Return the tag as of now."""
        return (await self._load_tags({key})).get(key, "")

    async def wait(self, request: WaitingRequest[KeyT], within_s: float, key_id: str) -> None:
        """Return when the tag differs from the known one, the time is over, or the process stops.

        Raises Problem 429 when too many wait, in all or of this API key.
        """
        if len(self.waiting) >= MAX_WAITING or self._callers[key_id] >= MAX_WAITING_OF_A_KEY:
            raise _too_many_wait()
        self.waiting.add(request)
        self._callers[key_id] += 1
        self._someone_waits.set()
        self._applied = None  # what changed before this request waited is compared, too
        try:
            async with asyncio.timeout(within_s):
                await request.woken.wait()
        except TimeoutError:
            pass
        finally:
            self.waiting.discard(request)
            self._callers[key_id] -= 1
            self._callers += Counter()

    async def check(self) -> None:
        """Wake whom a change concerns; everybody when the process stops."""
        if self._stopping.is_set():
            self._wake(self.waiting)
            return
        applied = await self._pool.fetchval(SELECT_APPLIED, self._consumer, timeout=10)
        if applied == self._applied:
            return
        self._applied = applied
        waiting = tuple(self.waiting)
        tags = await self._load_tags({each.key for each in waiting})
        self._wake([each for each in waiting if tags.get(each.key, "") != each.known])

    def _wake(self, requests: Collection[WaitingRequest[KeyT]]) -> None:
        for each in requests:
            each.woken.set()


def _too_many_wait() -> Problem:
    return Problem(
        429,
        "too_many_requests",
        "too many requests wait for changes: ask without `wait`, or let fewer wait at once",
        "等待变更的请求过多：请不带 `wait` 查询，或减少同时等待的请求",
        retry_after_s=5,
    )
