"""A service for process tests: what it does wrong is told by LIBRARY_FAULT."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

from paidan_chassis import runtime
from paidan_chassis.edge.api_keys import KeyRing
from paidan_chassis.edge.app import Face, create_edge
from paidan_chassis.errors import EXIT_HALTED, ChassisError
from paidan_chassis.observability import logs
from paidan_chassis.runtime import Process, Running
from paidan_chassis.settings import ServiceSettings, prefixed

Fault = Literal[
    "none",
    "halts",
    "breaks",
    "returns",
    "never_beats",
    "blocks",
    "stuck_behind",
    "ignores_stop",
    "hangs_opening",
    "deaf_opening",
    "hangs_closing",
]


class Settings(ServiceSettings):
    """The settings of the tests' service."""

    model_config = prefixed("LIBRARY_")

    fault: Fault = "none"


class ShelfGone(ChassisError):
    """Stands for whatever halts a service."""

    exit_code = EXIT_HALTED


@asynccontextmanager
async def build(settings: Settings, running: Process) -> AsyncIterator[Running]:
    """Open two things, and say in which order they are closed."""
    log = logs.logger()
    if settings.fault == "hangs_opening":
        await asyncio.sleep(3600)
    if settings.fault == "deaf_opening":
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)
        await asyncio.sleep(3600)
    try:
        async with opened("shelf"), opened("desk"):
            edge = create_edge(Face("Library", "1", KeyRing(None), running.health, running.metrics))  # type: ignore[arg-type] # no route here asks for a key

            @edge.get("/slow")
            async def slow() -> str:
                log.info("request_taken")
                await asyncio.sleep(1)
                log.info("request_done")
                return "answered"

            yield Running(loops={"inbox": Inbox(settings.fault, running)}, edge=edge)
    finally:
        if settings.fault == "hangs_closing":
            await asyncio.sleep(3600)


@asynccontextmanager
async def opened(name: str) -> AsyncIterator[None]:
    """Stand for a pool or a producer."""
    yield
    logs.logger().info("thing_closed", thing=name)


class Inbox:
    """A loop that beats, or has its fault."""

    def __init__(self, fault: Fault, running: Process) -> None:
        self._fault = fault
        self._progress = running.health.loop("inbox")

    async def __call__(self, stop: asyncio.Event) -> None:
        match self._fault:
            case "halts":
                raise ShelfGone("the shelf is another one")
            case "breaks":
                int("-".join(("138", "1234", "5678")).replace("-", "") + "x")  # the error quotes a telephone number
            case "returns":
                return
            case "blocks":
                time.sleep(3600)  # noqa: ASYNC251 - the fault under test
            case "never_beats" | "ignores_stop":
                await asyncio.sleep(3600)
            case _:
                await self._beat(stop)
        logs.logger().info("loop_finished")

    async def _beat(self, stop: asyncio.Event) -> None:
        if self._fault == "stuck_behind":
            self._progress.behind(7)
        while not stop.is_set():
            self._progress.polled()
            await asyncio.sleep(0.02)


if __name__ == "__main__":
    runtime.main("library", Settings, build)
