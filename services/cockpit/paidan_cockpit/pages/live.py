"""Open pages that follow what is committed: one computation for all who see the same, however many they are."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from paidan_chassis.observability.logs import get_logger

LOOK_EVERY_S: Final = 1.0
RENEW_EVERY: Final = 15
"""Looks after which a page is computed anew although nothing was committed: due times pass by themselves."""
RenderPage: TypeAlias = Callable[[], Awaitable[bytes]]
_log = get_logger()


@dataclass(slots=True, eq=False)
class _Channel:
    """Followers of one page: each has room for the newest state alone, so that a slow one costs nothing."""

    followers: set["asyncio.Queue[bytes]"] = field(default_factory=set)
    task: "asyncio.Task[None] | None" = None
    page: bytes = b""


class LiveFeed:
    """Computes a page again when ``position`` has moved, and passes it to whoever follows it, if it has changed."""

    def __init__(self, position: Callable[[], Awaitable[int]], *, look_every_s: float = LOOK_EVERY_S) -> None:
        self._position = position
        self._look_every_s = look_every_s
        self._channels: dict[Hashable, _Channel] = {}

    async def follow(self, key: Hashable, render: RenderPage) -> AsyncGenerator[bytes]:
        """Yield the page of a key whenever it changes; empty when it has not for a while."""
        channel = self._channels.setdefault(key, _Channel())
        queue: asyncio.Queue[bytes] = asyncio.Queue(maxsize=1)
        channel.followers.add(queue)
        if channel.task is None or channel.task.done():
            channel.task = asyncio.create_task(self._run(channel, render), name="live page")
        elif channel.page:
            queue.put_nowait(channel.page)
        try:
            while True:
                yield await self._next(queue)
        finally:
            channel.followers.discard(queue)
            if not channel.followers and channel.task is not None:
                channel.task.cancel()
                self._channels.pop(key, None)

    async def _next(self, queue: "asyncio.Queue[bytes]") -> bytes:
        try:
            return await asyncio.wait_for(queue.get(), self._look_every_s * RENEW_EVERY)
        except TimeoutError:
            return b""

    async def _run(self, channel: _Channel, render: RenderPage) -> None:
        seen, looks, is_settled = -1, 0, False
        while True:
            try:
                position = await self._position()
                if position != seen or not is_settled or looks >= RENEW_EVERY:
                    # A page that was begun for somebody else just before the commit lacks it: the next look mends that.
                    is_settled = position == seen
                    self._publish(channel, await render())
                    seen, looks = position, 0
            except Exception as error:  # noqa: BLE001 - whatever went wrong, the next look may go well
                _log.warning("live_page_put_off", fault=type(error).__name__)
            looks += 1
            await asyncio.sleep(self._look_every_s)

    def _publish(self, channel: _Channel, page: bytes) -> None:
        if page == channel.page:
            return
        channel.page = page
        for queue in channel.followers:
            with suppress(asyncio.QueueEmpty):
                queue.get_nowait()
            queue.put_nowait(page)
