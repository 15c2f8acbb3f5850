"""What the city's people mean to do, and when, by the city's clock."""

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from paidan_chassis.clock import Clock

Deed = Callable[[], Awaitable[None]]


class Agenda:
    """Does deeds at their time, many at once; a deed that is late already is done at once."""

    def __init__(self, clock: Clock, *, at_once: int = 64) -> None:
        self.clock = clock
        self._heap: list[tuple[datetime, int, Deed]] = []
        self._added = asyncio.Event()
        self._number = 0
        self._under_way: dict[int, datetime] = {}
        self._hands = asyncio.Semaphore(at_once)

    def __len__(self) -> int:
        return len(self._heap)

    def note(self, at: datetime, deed: Deed) -> None:
        """Put down a deed; an earlier one than the next wakes the agenda up."""
        self._number += 1
        heapq.heappush(self._heap, (at, self._number, deed))
        self._added.set()

    @property
    def oldest_undone(self) -> datetime | None:
        """Tell for when the oldest was meant that is not done yet; None when nothing is meant to be done."""
        waiting = [self._heap[0][0]] if self._heap else []
        return min([*waiting, *self._under_way.values()], default=None)

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Count as begun now and not done yet what is done within: looking at a queue is work, too."""
        number = self._begin(self.clock.now())
        try:
            yield
        finally:
            del self._under_way[number]

    def wake(self) -> None:
        """Look at the clock again: it goes otherwise than it did."""
        self._added.set()

    async def keep(self) -> None:
        """Do what is due, for ever. A deed that fails ends the agenda, loudly."""
        async with asyncio.TaskGroup() as doing:
            while True:
                await self._wait()
                while self._heap and self._heap[0][0] <= self.clock.now():
                    await self._hands.acquire()
                    at, _, deed = heapq.heappop(self._heap)
                    doing.create_task(self._do(self._begin(at), deed))

    def _begin(self, meant_for: datetime) -> int:
        self._number += 1
        self._under_way[self._number] = meant_for
        return self._number

    async def _do(self, number: int, deed: Deed) -> None:
        try:
            await deed()
        finally:
            del self._under_way[number]
            self._hands.release()

    async def _wait(self) -> None:
        self._added.clear()
        if not self._heap:
            await self._added.wait()
            return
        sleeping = asyncio.ensure_future(self.clock.sleep_until(self._heap[0][0]))
        waking = asyncio.ensure_future(self._added.wait())
        try:
            await asyncio.wait((sleeping, waking), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            waking.cancel()
