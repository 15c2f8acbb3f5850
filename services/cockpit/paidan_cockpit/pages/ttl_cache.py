"""A cache with a time to live: a value is computed once for all who ask for the same within it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Final, Generic, TypeVar

ValueT = TypeVar("ValueT")
_MAX_KEYS: Final = 500


class TtlCache(Generic[ValueT]):
    """Caches by key for a time to live. Whoever asks while a value is computed waits for that one."""

    def __init__(self, ttl_s: float) -> None:
        self._ttl_s = ttl_s
        self._tasks: dict[Hashable, tuple[float, asyncio.Task[ValueT]]] = {}

    async def get(self, key: Hashable, compute: Callable[[], Awaitable[ValueT]]) -> ValueT:
        """Return the value of a key, from a moment ago or computed now. An error is not kept."""
        until, task = self._tasks.get(key, (0.0, None))
        if task is None or until < time.monotonic() or (task.done() and _has_failed(task)):
            if len(self._tasks) >= _MAX_KEYS:
                self._tasks.clear()
            task = asyncio.ensure_future(_run(compute))
            self._tasks[key] = (time.monotonic() + self._ttl_s, task)
        # One reader who leaves must not take the value from the others.
        return await asyncio.shield(task)


async def _run(compute: Callable[[], Awaitable[ValueT]]) -> ValueT:
    return await compute()


def _has_failed(task: "asyncio.Task[ValueT]") -> bool:
    return task.cancelled() or task.exception() is not None
