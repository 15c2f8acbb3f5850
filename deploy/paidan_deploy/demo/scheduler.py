"""Schedules tasks by the city's clock."""

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from paidan_chassis.clock import Clock

Task = Callable[[], Awaitable[None]]


class Scheduler:
    """Runs tasks at their time, several concurrently; an overdue one runs at once."""

    def __init__(self, clock: Clock, *, max_concurrent: int = 64) -> None:
        self.clock = clock
        self._heap: list[tuple[datetime, int, Task]] = []
        self._wakeup = asyncio.Event()
        self._last_number = 0
        self._running: dict[int, datetime] = {}
        self._slots = asyncio.Semaphore(max_concurrent)

    def __len__(self) -> int:
        return len(self._heap)

    def schedule(self, at: datetime, task: Task) -> None:
        """Schedule a task; one that is earlier than the next wakes the scheduler up."""
        self._last_number += 1
        heapq.heappush(self._heap, (at, self._last_number, task))
        self._wakeup.set()

    @property
    def oldest_due(self) -> datetime | None:
        """The due time of the oldest task that is not done, running or waiting; None without tasks."""
        waiting = [self._heap[0][0]] if self._heap else []
        return min([*waiting, *self._running.values()], default=None)

    @contextmanager
    def running_task(self) -> Iterator[None]:
        """Count the body as a running task that is due now."""
        number = self._mark_running(self.clock.now())
        try:
            yield
        finally:
            del self._running[number]

    def wake(self) -> None:
        """Read the clock again: its scale has changed."""
        self._wakeup.set()

    async def run(self) -> None:
        """Run due tasks for ever. A task's error ends the scheduler and is raised."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._wait()
                while self._heap and self._heap[0][0] <= self.clock.now():
                    await self._slots.acquire()
                    at, _, task = heapq.heappop(self._heap)
                    group.create_task(self._run_task(self._mark_running(at), task))

    def _mark_running(self, due: datetime) -> int:
        self._last_number += 1
        self._running[self._last_number] = due
        return self._last_number

    async def _run_task(self, number: int, task: Task) -> None:
        try:
            await task()
        finally:
            del self._running[number]
            self._slots.release()

    async def _wait(self) -> None:
        self._wakeup.clear()
        if not self._heap:
            await self._wakeup.wait()
            return
        sleeping = asyncio.ensure_future(self.clock.sleep_until(self._heap[0][0]))
        waking = asyncio.ensure_future(self._wakeup.wait())
        try:
            await asyncio.wait((sleeping, waking), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            waking.cancel()
