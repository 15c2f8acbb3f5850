"""Waiting for something to become true, with a deadline and never with a bare sleep."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar, overload

T = TypeVar("T")
POLL_S: Final = 0.02
SELDOM_S: Final = 0.1


@overload
async def poll(check: Callable[[], Awaitable[T]], *, within_s: float = 10.0, what: str) -> T: ...
@overload
async def poll(check: Callable[[], T], *, within_s: float = 10.0, what: str) -> T: ...
async def poll(check: Callable[[], object], *, within_s: float = 10.0, what: str) -> object:
    """Ask until the answer is true, and give it. Fails with what was waited for and the last answer."""
    began = time.monotonic()
    while True:
        asked = check()
        answer = await asked if inspect.isawaitable(asked) else asked
        if answer:
            return answer
        waited_s = time.monotonic() - began
        if waited_s > within_s:
            raise AssertionError(f"not within {within_s:g} s: {what}; the last answer was {answer!r}")
        await asyncio.sleep(_pause_s(waited_s))


def _pause_s(waited_s: float) -> float:
    """Ask more seldom what takes long: asking often costs a processor that what is waited for could use."""
    return min(max(POLL_S, waited_s / 20), SELDOM_S)


def poll_blocking(check: Callable[[], T], *, within_s: float = 10.0, what: str) -> T:
    """Do the same where no event loop runs."""
    began = time.monotonic()
    while not (answer := check()):
        waited_s = time.monotonic() - began
        if waited_s > within_s:
            raise AssertionError(f"not within {within_s:g} s: {what}; the last answer was {answer!r}")
        time.sleep(_pause_s(waited_s))
    return answer
