"""Indexes cases again: those that a migration queued, and those that a process of an older release queues."""

import asyncio
from contextlib import suppress
from typing import Final

from paidan_chassis.database import DB_ERRORS, Pool, is_transient
from paidan_chassis.observability.health import LoopProgress
from paidan_cockpit import queries

_BATCH: Final = 500
_PAUSE_S: Final = 5.0
_RETRY_S: Final = 1.0


class WordIndex:
    """Takes cases from the queue, and stores by which words each is found; of other cases lanes do."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def run(self, stop: asyncio.Event, progress: LoopProgress) -> None:
        """Fill until stopped; a database that cannot be reached is waited for."""
        while not stop.is_set():
            try:
                filled = await self.fill()
                progress.record_poll()
                pause_s = 0 if filled else _PAUSE_S
            except DB_ERRORS as error:
                if not is_transient(error):
                    raise
                progress.record_retry(type(error).__name__)
                pause_s = _RETRY_S
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause_s)

    async def fill(self) -> int:
        """Index the next cases of the queue; return how many they are."""
        async with self._pool.acquire() as conn, conn.transaction():
            texts = await queries.take_queued_texts(conn, _BATCH)
            if texts:
                await queries.save_words(conn, texts)
        return len(texts)
