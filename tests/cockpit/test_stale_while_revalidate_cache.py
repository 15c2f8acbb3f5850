"""A page waits for a slow answer only a moment: it shows the last one known, and the new one once it has come."""

import asyncio

from paidan_cockpit.pages.stale_while_revalidate_cache import StaleWhileRevalidateCache


async def test_a_slow_answer_holds_nobody_up_and_is_shown_once_it_came() -> None:
    cache, answered = StaleWhileRevalidateCache[str](max_age_s=0, patience_s=0.01), asyncio.Event()

    async def slow() -> str:
        await answered.wait()
        return "new"

    async def quick() -> str:
        return "old"

    async with asyncio.timeout(30):
        assert await cache.get("k", slow, "none yet") == "none yet"
        answered.set()
        assert await cache.get("k", quick, "none yet") == "new"
        assert await cache.get("k", quick, "none yet") == "old"


async def test_an_error_leaves_the_last_value_known() -> None:
    cache = StaleWhileRevalidateCache[str](max_age_s=0)

    async def works() -> str:
        return "known"

    async def fails() -> str:
        raise ConnectionError

    assert await cache.get("k", fails, "none yet") == "none yet"
    assert await cache.get("k", works, "none yet") == "known"
    assert await cache.get("k", fails, "none yet") == "known"
