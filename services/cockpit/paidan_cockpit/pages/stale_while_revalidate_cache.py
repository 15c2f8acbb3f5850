"""A cache that serves the last value known while a slow answer is awaited; a page waits for that only a moment."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

ValueT = TypeVar("ValueT")
PATIENCE_S: Final = 0.7
_MAX_KEYS: Final = 500


@dataclass(slots=True)
class _Entry(Generic[ValueT]):
    task: "asyncio.Task[ValueT]"
    asked_at: float
    known: list[ValueT] = field(default_factory=list)


class StaleWhileRevalidateCache(Generic[ValueT]):
    """Keeps by key the last value known, and asks anew once it is some seconds old; one question at a time."""

    def __init__(self, max_age_s: float, patience_s: float = PATIENCE_S) -> None:
        self._max_age_s = max_age_s
        self._patience_s = patience_s
        self._entries: dict[Hashable, _Entry[ValueT]] = {}

    async def get(self, key: Hashable, compute: Callable[[], Awaitable[ValueT]], meanwhile: ValueT) -> ValueT:
        """Return the newest value of a key; ``meanwhile`` until there is one. An error leaves the last one known."""
        entry = self._entries.get(key)
        if entry is None or (entry.task.done() and time.monotonic() - entry.asked_at > self._max_age_s):
            entry = self._ask(key, compute, entry.known if entry else [])
        if not entry.task.done():
            await asyncio.wait({entry.task}, timeout=self._patience_s)
        if entry.task.done():
            with suppress(Exception):
                entry.known[:] = [entry.task.result()]
        return entry.known[0] if entry.known else meanwhile

    def _ask(self, key: Hashable, compute: Callable[[], Awaitable[ValueT]], known: list[ValueT]) -> _Entry[ValueT]:
        if len(self._entries) >= _MAX_KEYS:
            self._entries.clear()
        entry = self._entries[key] = _Entry(asyncio.ensure_future(_run(compute)), time.monotonic(), known)
        return entry


async def _run(compute: Callable[[], Awaitable[ValueT]]) -> ValueT:
    return await compute()
