"""Waiting for something to become true, with a deadline and never with a bare sleep."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar, overload

T = TypeVar("T")
POLL_S: Final = 0.02


@overload
async def poll(check: Callable[[], Awaitable[T]], *, within_s: float = 10.0, what: str) -> T: ...
@overload
async def poll(check: Callable[[], T], *, within_s: float = 10.0, what: str) -> T: ...
async def poll(check: Callable[[], object], *, within_s: float = 10.0, what: str) -> object:
    """Ask until the answer is true, and give it. Fails with what was waited for and the last answer."""
    deadline = time.monotonic() + within_s
    while True:
        asked = check()
        answer = await asked if inspect.isawaitable(asked) else asked
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s:g} s: {what}; the last answer was {answer!r}")
        await asyncio.sleep(POLL_S)


def poll_blocking(check: Callable[[], T], *, within_s: float = 10.0, what: str) -> T:
    """Do the same where no event loop runs."""
    deadline = time.monotonic() + within_s
    while not (answer := check()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s:g} s: {what}; the last answer was {answer!r}")
        time.sleep(POLL_S)
    return answer
