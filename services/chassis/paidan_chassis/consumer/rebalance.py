"""The rebalance listener: holds the batch lock from the revocation of lanes until the next assignment."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from aiokafka import ConsumerRebalanceListener

from paidan_chassis.observability.logs import Logger


class RebalanceListener(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka is untyped
    """A rebalance listener: no batch runs from the moment lanes are revoked until new ones are assigned.

    Rebalances are eager: all lanes are revoked, some are assigned again. aiokafka swallows what a listener raises and
    sends no heartbeats while one runs after an assignment, so nothing here waits for a server then.
    """

    def __init__(
        self, log: Logger, *, on_revoked: Callable[[], Awaitable[None]], on_failure: Callable[[BaseException], None]
    ) -> None:
        self.batch_lock = asyncio.Lock()
        self.generation = 0
        """Assignments that have ended."""
        self.assigned = asyncio.Event()
        """Set while an assignment is in force, even one of no lanes."""
        self._log = log
        self._on_revoked = on_revoked
        self._on_failure = on_failure
        self._revoked = asyncio.Event()
        self._holds_lock = False

    async def on_partitions_revoked(self, revoked: set[Any]) -> None:
        """Wait for the running batch, then release all lanes."""
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
        """Release the batch lock; the next batch takes the lanes over first."""
        self._revoked = asyncio.Event()
        if self._holds_lock:
            self._holds_lock = False
            self.batch_lock.release()
        self.assigned.set()
        self._log.info("lanes_assigned", lanes=len(assigned))

    def close(self) -> None:
        """End the assignment for good, so that retries give up."""
        self.generation += 1
        self._revoked.set()

    @property
    def is_revoked(self) -> bool:
        """Whether lanes were revoked and none are assigned yet, or the consumer stops."""
        return self._revoked.is_set()

    async def sleep_until_revoked(self, seconds: float) -> None:
        """Wait this long, or until lanes are revoked."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._revoked.wait()
