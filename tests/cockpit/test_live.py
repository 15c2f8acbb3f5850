"""An open page shows what was committed, also where its figures had been computed for somebody else just before."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

from paidan_cockpit.pages.live import RENEW_EVERY, LiveFeed
from paidan_cockpit.pages.ttl_cache import TtlCache

LOOK_EVERY_S = 0.05


async def test_a_page_that_was_computed_before_the_commit_is_computed_again_at_the_next_look() -> None:
    committed = looks = 0
    recent = TtlCache[str](ttl_s=LOOK_EVERY_S)

    async def position() -> int:
        nonlocal looks
        looks += 1
        return committed

    async def count() -> str:
        return f"{committed} committed"

    async def render() -> bytes:
        return (await recent.get("key", count)).encode()

    await render()
    committed = 1
    follow = LiveFeed(position, look_every_s=LOOK_EVERY_S).follow("key", render)
    async with asyncio.timeout(30), aclosing(follow) as pages:
        shown = [page async for page in _changes(pages, 2)]
    assert shown == [b"0 committed", b"1 committed"]
    assert looks < RENEW_EVERY


async def test_whatever_breaks_a_page_it_is_computed_again_at_the_next_look() -> None:
    broken = True

    async def position() -> int:
        return 1

    async def render() -> bytes:
        nonlocal broken
        if broken:
            broken = False
            raise KeyError("a value that nobody thought of")
        return b"whole"

    follow = LiveFeed(position, look_every_s=LOOK_EVERY_S).follow("key", render)
    async with asyncio.timeout(30), aclosing(follow) as pages:
        assert [page async for page in _changes(pages, 1)] == [b"whole"]


async def _changes(pages: AsyncIterator[bytes], count: int) -> AsyncIterator[bytes]:
    while count:
        if page := await anext(pages):
            count -= 1
            yield page
