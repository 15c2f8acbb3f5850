"""Whose turn it is: the lock around every batch, and the rebalances that wait for it and end an epoch."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from aiokafka import ConsumerRebalanceListener

from paidan_chassis.observability.logs import Logger


class RebalanceListener(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka is untyped
    """Listens to the group. From the moment lanes are taken away until new ones are given, nothing else has a turn.

    Rebalances are eager: all lanes go, some come back. aiokafka swallows what a listener raises and sends no
    heartbeats while one waits for its partitions, so nothing is asked of a server here that could keep it.
    """

    def __init__(
        self, log: Logger, *, on_revoked: Callable[[], Awaitable[None]], on_failure: Callable[[BaseException], None]
    ) -> None:
        self.batch_lock = asyncio.Lock()
        self.generation = 0
        """How many assignments have ended."""
        self.assigned = asyncio.Event()
        """Lanes were given, or none: the group has spoken."""
        self._log = log
        self._on_revoked = on_revoked
        self._on_failure = on_failure
        self._revoked = asyncio.Event()
        self._holds_lock = False

    async def on_partitions_revoked(self, revoked: set[Any]) -> None:
        """Wait for the batch in hand, then let go of all lanes."""
        self.generation += 1
        self._revoked.set()
        self.assigned.clear()
        try:
            if not self._holds_lock:
                await self.batch_lock.acquire()
                self._holds_lock = True
            await self._on_revoked()
        except Exception as error:  # noqa: BLE001 - aiokafka would swallow it
            self._on_failure(error)
        if revoked:
            self._log.info("lanes_revoked", lanes=len(revoked))

    async def on_partitions_assigned(self, assigned: set[Any]) -> None:
        """Let batches have their turn again; taking the lanes over is the first thing that happens in one."""
        self._revoked = asyncio.Event()
        if self._holds_lock:
            self._holds_lock = False
            self.batch_lock.release()
        self.assigned.set()
        self._log.info("lanes_assigned", lanes=len(assigned))

    def close(self) -> None:
        """End the epoch for good: whatever waits for a server gives way."""
        self.generation += 1
        self._revoked.set()

    @property
    def is_revoked(self) -> bool:
        """Whether lanes were taken away and no new ones are given yet, or everything ends."""
        return self._revoked.is_set()

    async def sleep_until_revoked(self, seconds: float) -> None:
        """Wait so long, or until the epoch ends."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._revoked.wait()
