"""Whose turn it is: the lock around every batch, and the rebalances that wait for it and end an epoch."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from aiokafka import ConsumerRebalanceListener

from paidan_chassis.observability.logs import Log


class Ownership(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka is untyped
    """Listens to the group. From the moment lanes are taken away until new ones are given, nothing else has a turn.

    Rebalances are eager: all lanes go, some come back. aiokafka swallows what a listener raises and sends no
    heartbeats while one waits for its partitions, so nothing is asked of a server here that could keep it.
    """

    def __init__(
        self, log: Log, *, let_go: Callable[[], Awaitable[None]], fail: Callable[[BaseException], None]
    ) -> None:
        self.turn = asyncio.Lock()
        self.epoch = 0
        """How many assignments have ended."""
        self.given = asyncio.Event()
        """Lanes were given, or none: the group has spoken."""
        self._log = log
        self._let_go = let_go
        self._fail = fail
        self._over = asyncio.Event()
        self._held = False

    async def on_partitions_revoked(self, revoked: set[Any]) -> None:
        """Wait for the batch in hand, then let go of all lanes."""
        self.epoch += 1
        self._over.set()
        self.given.clear()
        try:
            if not self._held:
                await self.turn.acquire()
                self._held = True
            await self._let_go()
        except Exception as error:  # noqa: BLE001 - aiokafka would swallow it
            self._fail(error)
        if revoked:
            self._log.info("lanes_revoked", lanes=len(revoked))

    async def on_partitions_assigned(self, assigned: set[Any]) -> None:
        """Let batches have their turn again; taking the lanes over is the first thing that happens in one."""
        self._over = asyncio.Event()
        if self._held:
            self._held = False
            self.turn.release()
        self.given.set()
        self._log.info("lanes_assigned", lanes=len(assigned))

    def close(self) -> None:
        """End the epoch for good: whatever waits for a server gives way."""
        self.epoch += 1
        self._over.set()

    @property
    def over(self) -> bool:
        """Whether lanes were taken away and no new ones are given yet, or everything ends."""
        return self._over.is_set()

    async def pause(self, seconds: float) -> None:
        """Wait so long, or until the epoch ends."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._over.wait()
