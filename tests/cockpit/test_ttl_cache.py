"""A value is computed once for all who ask at the same time, and an error is asked again."""

import asyncio
from collections.abc import Iterator

import pytest

from paidan_cockpit.pages.ttl_cache import TtlCache


async def test_those_who_ask_at_once_share_one_computation() -> None:
    computed: list[str] = []

    async def compute() -> int:
        await asyncio.sleep(0)
        computed.append("once")
        return len(computed)

    cache = TtlCache[int](ttl_s=60)
    assert await asyncio.gather(*(cache.get("key", compute) for _ in range(20))) == [1] * 20
    assert await cache.get("key", compute) == 1
    assert await cache.get("other", compute) == 2


async def test_an_old_value_is_computed_again() -> None:
    numbers = iter(range(9))

    async def compute() -> int:
        return next(numbers)

    cache = TtlCache[int](ttl_s=0)
    assert [await cache.get("key", compute) for _ in range(3)] == [0, 1, 2]


async def test_an_error_is_raised_and_not_kept() -> None:
    answers: Iterator[int | ValueError] = iter([ValueError("planted"), 7])

    async def compute() -> int:
        answer = next(answers)
        if isinstance(answer, ValueError):
            raise answer
        return answer

    cache = TtlCache[int](ttl_s=60)
    with pytest.raises(ValueError, match="planted"):
        await cache.get("key", compute)
    assert await cache.get("key", compute) == 7
