"""Work that a service repeats beside its loops, such as counting for metrics; a failure never ends the process."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from paidan_chassis.database import DB_ERRORS
from paidan_chassis.observability import logs

_log = logs.get_logger()


@asynccontextmanager
async def repeat(operation: Callable[[], Awaitable[None]], *, every_s: float, name: str) -> AsyncIterator[None]:
    """Run an operation now and then every so often, while the context is open. Errors of the database are logged."""
    task = asyncio.create_task(_repeat(operation, every_s, name), name=name)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _repeat(operation: Callable[[], Awaitable[None]], every_s: float, name: str) -> None:
    while True:
        try:
            await operation()
        except DB_ERRORS as error:
            _log.warning("repeated_work_failed", work=name, fault=type(error).__name__)
        await asyncio.sleep(every_s)
