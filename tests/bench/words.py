"""How far the cockpit's word index is behind."""

import asyncio
import time
from typing import Final

import asyncpg

_POLL_S: Final = 0.05
_TIMEOUT_S: Final = 300.0


async def wait_for_words(dsn: str) -> float:
    """Wait until every case's words are indexed; return the seconds that it took."""
    began = time.monotonic()
    conn = await asyncpg.connect(dsn, timeout=10)
    try:
        while await conn.fetchval("SELECT EXISTS (SELECT FROM cockpit.word_queue)"):
            if time.monotonic() - began > _TIMEOUT_S:
                raise TimeoutError(f"words were not indexed in {_TIMEOUT_S:.0f} s")
            await asyncio.sleep(_POLL_S)
    finally:
        await conn.close()
    return time.monotonic() - began
