"""Poll a condition until it is true, with a deadline and never with a bare sleep."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar, overload

T = TypeVar("T")
POLL_S: Final = 0.02
MAX_POLL_S: Final = 0.1


@overload
async def poll(check: Callable[[], Awaitable[T]], *, within_s: float = 30.0, what: str) -> T: ...
@overload
async def poll(check: Callable[[], T], *, within_s: float = 30.0, what: str) -> T: ...
async def poll(check: Callable[[], object], *, within_s: float = 30.0, what: str) -> object:
    """Call ``check`` until its result is true and return it. Fails with what was waited for and the last result."""
    began = time.monotonic()
    while True:
        called = check()
        result = await called if inspect.isawaitable(called) else called
        if result:
            return result
        waited_s = time.monotonic() - began
        if waited_s > within_s:
            raise AssertionError(f"not within {within_s:g} s: {what}; the last result was {result!r}")
        await asyncio.sleep(_pause_s(waited_s))


def _pause_s(waited_s: float) -> float:
    """Return a longer pause the longer it takes: frequent checks use CPU that the awaited work needs."""
    return min(max(POLL_S, waited_s / 20), MAX_POLL_S)


def poll_blocking(check: Callable[[], T], *, within_s: float = 30.0, what: str) -> T:
    """Poll as ``poll`` does, where no event loop runs."""
    began = time.monotonic()
    while not (result := check()):
        waited_s = time.monotonic() - began
        if waited_s > within_s:
            raise AssertionError(f"not within {within_s:g} s: {what}; the last result was {result!r}")
        time.sleep(_pause_s(waited_s))
    return result
