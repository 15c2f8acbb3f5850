"""Keeps open pages up to date: what readers of the same rights see is rendered once, and sent to all of them."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager, suppress
from typing import Final

from paidan_chassis.database import is_transient

Render = Callable[[], Awaitable[bytes]]
ReadPosition = Callable[[], Awaitable[int]]

_INTERVAL_S: Final = 1.0
_MAX_AGE_S: Final = 15.0
"""Rendered anew after so long although nothing was committed: due times pass."""
_IDLE_FACTOR: Final = 6.0
"""A rendering that took long is not repeated before so many times as long."""
_RETRY_MS: Final = 2000
BREAK: Final = b": still here\n\n"


def server_sent_event(name: str, body: str) -> bytes:
    """Return an event as the stream writes it."""
    lines = "".join(f"data: {line}\n" for line in body.splitlines())
    return f"event: {name}\nretry: {_RETRY_MS}\n{lines}\n".encode()


class _Group:
    """The readers of one rendering, and the task that renders for as long as there are any."""

    def __init__(self, render: Render, read_position: ReadPosition) -> None:
        self._render = render
        self._read_position = read_position
        self._changed = asyncio.Condition()
        self._shown: tuple[int, float] | None = None
        self.event = b""
        self.number = 0
        self.readers = 0
        self.task: asyncio.Task[None] | None = None

    async def run(self) -> None:
        while True:
            begin = time.monotonic()
            try:
                await self._refresh()
            except Exception as error:
                if not is_transient(error):
                    raise
            took = time.monotonic() - begin
            await asyncio.sleep(max(_INTERVAL_S - took, took * _IDLE_FACTOR))

    async def _refresh(self) -> None:
        position, now = await self._read_position(), time.monotonic()
        if self._shown is not None and self._shown[0] == position and now - self._shown[1] < _MAX_AGE_S:
            return
        self.event = await self._render()
        self._shown = position, now
        async with self._changed:
            self.number += 1
            self._changed.notify_all()

    async def next_event(self, after: int, timeout_s: float) -> tuple[int, bytes]:
        """Return the newest event, once there is one after this number; a sign of life where that takes long."""
        try:
            async with asyncio.timeout(timeout_s), self._changed:
                await self._changed.wait_for(lambda: self.number > after)
        except TimeoutError:
            return after, BREAK
        return self.number, self.event


class LiveGroups:
    """Groups of readers by whatever decides what they see."""

    def __init__(self, read_position: ReadPosition) -> None:
        self._read_position = read_position
        self._groups: dict[Hashable, _Group] = {}

    @property
    def is_used(self) -> bool:
        """Whether anybody reads."""
        return bool(self._groups)

    async def events(self, key: Hashable, render: Render, *, lasts_s: float) -> AsyncGenerator[bytes, None]:
        """Yield events for one reader for a while; the browser then opens the stream anew, and is asked who it is."""
        until = time.monotonic() + lasts_s
        async with self._joined(key, render) as group:
            number = 0
            while (left := until - time.monotonic()) > 0:
                if group.task is not None and group.task.done():
                    return
                number, event = await group.next_event(number, min(left, _MAX_AGE_S * 2))
                yield event

    @asynccontextmanager
    async def _joined(self, key: Hashable, render: Render) -> AsyncIterator[_Group]:
        group = self._groups.get(key)
        if group is None or group.task is None or group.task.done():
            group = self._groups[key] = _Group(render, self._read_position)
            group.task = asyncio.create_task(group.run())
        group.readers += 1
        try:
            yield group
        finally:
            group.readers -= 1
            if not group.readers and group.task is not None:
                group.task.cancel()
                if self._groups.get(key) is group:
                    del self._groups[key]
                with suppress(asyncio.CancelledError):
                    await asyncio.shield(asyncio.wait([group.task]))
