"""A page waits for a slow answer only a moment: it shows the last one known, and the new one once it has come."""

import asyncio

from paidan_cockpit.pages.slow_values import SlowValues


async def test_a_slow_answer_holds_nobody_up_and_is_shown_once_it_came() -> None:
    values, answered = SlowValues[str](max_age_s=0, patience_s=0.01), asyncio.Event()

    async def slow() -> str:
        await answered.wait()
        return "new"

    async def quick() -> str:
        return "old"

    async with asyncio.timeout(5):
        assert await values.get("k", slow, "none yet") == "none yet"
        answered.set()
        assert await values.get("k", quick, "none yet") == "new"
        assert await values.get("k", quick, "none yet") == "old"


async def test_an_error_leaves_the_last_value_known() -> None:
    values = SlowValues[str](max_age_s=0)

    async def works() -> str:
        return "known"

    async def fails() -> str:
        raise ConnectionError

    assert await values.get("k", fails, "none yet") == "none yet"
    assert await values.get("k", works, "none yet") == "known"
    assert await values.get("k", fails, "none yet") == "known"
