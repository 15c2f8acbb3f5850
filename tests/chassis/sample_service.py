"""A service for process tests; LIBRARY_FAULT names its fault."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

from paidan_chassis import runtime
from paidan_chassis.edge.api_keys import KeyRing
from paidan_chassis.edge.app import EdgeConfig, create_app
from paidan_chassis.errors import EXIT_HALTED, ChassisError, Halt
from paidan_chassis.observability import logs
from paidan_chassis.runtime import ProcessContext, ServiceParts
from paidan_chassis.settings import ServiceSettings, settings_config

ServiceFault = Literal[
    "none",
    "halts",
    "halts_twice",
    "halts_opening",
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


class SampleSettings(ServiceSettings):
    """The settings of the sample service."""

    model_config = settings_config("LIBRARY_")

    fault: ServiceFault = "none"


class ShelfGone(ChassisError):
    """An error that halts the service."""

    exit_code = EXIT_HALTED


@asynccontextmanager
async def build(settings: SampleSettings, process_context: ProcessContext) -> AsyncIterator[ServiceParts]:
    """Open two resources, and log in which order they are closed."""
    log = logs.get_logger()
    if settings.fault == "halts_opening":
        raise ShelfGone("the shelf is another one")
    if settings.fault == "hangs_opening":
        await asyncio.sleep(3600)
    if settings.fault == "deaf_opening":
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)
        await asyncio.sleep(3600)
    try:
        async with logged_resource("shelf"), logged_resource("desk"):
            keys = KeyRing(None)  # type: ignore[arg-type] # no route here asks for a key
            edge = create_app(EdgeConfig("Library", "1", keys, process_context.health, process_context.metrics))

            @edge.get("/slow")
            async def slow() -> str:
                log.info("request_taken")
                await asyncio.sleep(1)
                log.info("request_done")
                return "answered"

            loops = {"inbox": FaultyLoop(settings.fault, process_context)}
            if settings.fault in {"halts", "halts_twice"}:
                loops["reminders"] = FaultyLoop("none", process_context, name="reminders")
            yield ServiceParts(loops=loops, edge=edge)
    finally:
        if settings.fault == "hangs_closing":
            await asyncio.sleep(3600)


@asynccontextmanager
async def logged_resource(name: str) -> AsyncIterator[None]:
    """Open a resource, as a pool or a producer is opened."""
    yield
    logs.get_logger().info("thing_closed", thing=name)


class FaultyLoop:
    """A loop that makes progress, or has a fault."""

    def __init__(self, fault: ServiceFault, running: ProcessContext, *, name: str = "inbox") -> None:
        self._fault = fault
        self._starts = 0
        self._progress = running.health.register_loop(name)

    async def __call__(self, stop: asyncio.Event) -> None:
        self._starts += 1
        match self._fault:
            case "halts":
                raise ShelfGone("the shelf is another one")
            case "halts_twice" if self._starts <= 2:
                raise Halt("shelf_gone", "the shelf is another one")
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
        logs.get_logger().info("loop_finished")

    async def _beat(self, stop: asyncio.Event) -> None:
        if self._fault == "stuck_behind":
            self._progress.set_lag(7)
        while not stop.is_set():
            self._progress.record_poll()
            await asyncio.sleep(0.02)


if __name__ == "__main__":
    runtime.main("library", SampleSettings, build)
