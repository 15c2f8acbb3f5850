"""The consumer's one retry loop. Which errors are retried, and what happens meanwhile, is the caller's decision."""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def exponential_backoff(first_s: float, limit_s: float) -> Iterator[float]:
    """Yield delays that double up to a limit, without end."""
    delay_s = first_s
    while True:
        yield delay_s
        delay_s = min(2 * delay_s, limit_s)


async def retry(
    operation: Callable[[], Awaitable[T]],
    delays: Iterable[float],
    *,
    errors: tuple[type[Exception], ...],
    pause: Callable[[Exception, float], Awaitable[None]],
    failure: Exception | None = None,
) -> T:
    """Return the operation's result, repeating it after each of these errors; raise the last one when delays run out.

    ``pause`` waits, or raises to give up. ``failure`` is the error of a first attempt that the caller made itself.
    """
    remaining = iter(delays)
    while True:
        if failure is not None:
            delay_s = next(remaining, None)
            if delay_s is None:
                raise failure
            await pause(failure, delay_s)
        try:
            return await operation()
        except errors as error:
            failure = error
