"""Writes one part of a large batch while the next one is decided: all in the batch's transaction."""

import asyncio
from contextlib import suppress
from typing import Final

from paidan_chassis.consumer.batch import Batch
from paidan_dispatch.inbox.save import BatchWrites, save

PART_RECORDS: Final = 250
"""Enough for COPY, and few enough that little is left to write when the last part is decided."""


class BackgroundSave:
    """The writes that PostgreSQL works on: one part at a time, as a connection allows no more."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._running: asyncio.Task[None] | None = None

    async def start(self, writes: BatchWrites) -> None:
        """Begin to write, once the part before is written. Raises what failed there."""
        await self.wait()
        self._batch.is_session_busy = True
        self._running = asyncio.create_task(save(self._batch.conn, writes))
        await asyncio.sleep(0)  # sends the first statement

    async def wait(self) -> None:
        """Wait until everything is written. Raises what failed."""
        if self._running is not None:
            running, self._running = self._running, None
            try:
                await running
            finally:
                self._batch.is_session_busy = False

    async def abandon(self) -> None:
        """Wait until the session is free again after a failure, which is the error to raise."""
        with suppress(Exception):
            await self.wait()
