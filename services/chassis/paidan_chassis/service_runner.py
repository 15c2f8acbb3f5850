"""Runs a service within a process: opens it, supervises its loops and its edge, stops and closes it."""

import asyncio
import contextlib
import faulthandler
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.types import ASGIApp

from paidan_chassis.edge.app import probe_routes
from paidan_chassis.edge.server import HttpServer, bind_socket
from paidan_chassis.errors import EXIT_BUG, EXIT_HALTED, EXIT_MISCONFIGURED, ChassisError
from paidan_chassis.garbage_collection import freeze_gc
from paidan_chassis.observability import logs
from paidan_chassis.observability.health import Health
from paidan_chassis.observability.metrics import Metrics
from paidan_chassis.settings import ServiceSettings

Component = Literal["loop", "edge"]

Loop: TypeAlias = Callable[[asyncio.Event], Awaitable[None]]
"""A loop. It finishes its work and returns when the event is set; earlier it can only raise."""

# After the graceful stop: how long closing connections may take before the process exits without it.
_CLOSE_TIMEOUT_S: Final = 2.0
_HEARTBEAT_INTERVAL_S: Final = 2.0
# How soon a loop goes on once its halt is lifted: each time it reads one row.
_HALT_CHECK_INTERVAL_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class ProcessContext:
    """What the process provides to a service's ``build``."""

    service: str
    components: frozenset[Component]
    metrics: Metrics
    health: Health
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once a stop is requested: a request that waits for something answers what it has."""


@dataclass(frozen=True, slots=True)
class ServiceParts:
    """What is run while a service's ``build`` context is open; components that are not enabled are ignored."""

    loops: Mapping[str, Loop]
    edge: FastAPI | None = None


class LoopExited(ChassisError):
    """A loop returned without having been stopped."""


class StopTimedOut(ChassisError):
    """The graceful stop exceeded its time limit."""


class ServiceRunner:
    """Runs one service once, and returns the process's exit code."""

    def __init__(self, settings: ServiceSettings, context: ProcessContext) -> None:
        self._settings = settings
        self._context = context
        self._stop_requested = context.stopping
        self._stop_loops = asyncio.Event()
        self._has_opened = False
        self._log = logs.get_logger()

    async def run(self, build: Callable[[], AbstractAsyncContextManager[ServiceParts]]) -> int:
        """Open the service, run it until stopped, close it; return the exit code."""
        main_task = asyncio.ensure_future(self._open_and_run(build))
        for signal_number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(signal_number, self._on_signal, main_task)
        self._log.info("process_starting", parts=sorted(self._context.components), pid=os.getpid())
        try:
            await main_task
        except asyncio.CancelledError:
            self._log.info("process_stopped", before="start")
            return 0
        except BaseException as error:  # noqa: BLE001 - the outermost handler: every end is logged and has an exit code
            return self._exit_code_for(error)
        self._log.info("process_stopped", **({"halted": halted} if (halted := self._halted_loops()) else {}))
        return 0

    def _halted_loops(self) -> list[str]:
        return sorted(self._context.health.halted_loops())

    def _on_signal(self, main_task: "asyncio.Future[None]") -> None:
        if self._stop_requested.is_set():
            return  # a second signal does not extend the deadline
        self._stop_requested.set()
        self._schedule_forced_exit(self._settings.stop_within_s + _CLOSE_TIMEOUT_S)
        if not self._has_opened:
            main_task.cancel()

    async def _open_and_run(self, build: Callable[[], AbstractAsyncContextManager[ServiceParts]]) -> None:
        async with build() as parts:
            freeze_gc()
            self._has_opened = True
            try:
                await self._run_parts(parts)
            finally:
                self._schedule_forced_exit(self._settings.stop_within_s + _CLOSE_TIMEOUT_S)

    async def _run_parts(self, parts: ServiceParts) -> None:
        loops = parts.loops if "loop" in self._context.components else {}
        if not loops:
            self._context.health.disable_loops()
        with bind_socket(self._settings.host, self._settings.port) as sock:
            server = self._create_server(parts, sock)
            async with asyncio.TaskGroup() as task_group:
                monitor_tasks = [
                    task_group.create_task(self._context.health.watch_loops()),
                    task_group.create_task(self._arm_freeze_timer()),
                ]
                loop_tasks = [
                    task_group.create_task(self._run_loop(name, loop), name=name) for name, loop in loops.items()
                ]
                edge_task = task_group.create_task(self._serve(server), name="edge")
                self._log.info("process_started", host=self._settings.host, port=server.port, loops=sorted(loops))
                await self._stop_requested.wait()
                await self._stop(server, edge_task, loop_tasks)
                for task in monitor_tasks:
                    task.cancel()

    def _create_server(self, parts: ServiceParts, sock: socket.socket) -> HttpServer:
        return HttpServer(
            self._http_app(parts),
            sock,
            stop_within_s=self._settings.stop_within_s / 2,
            ssl_context=self._settings.edge_ssl_context(),
        )

    async def _stop(
        self, server: HttpServer, edge_task: "asyncio.Task[None]", loop_tasks: "list[asyncio.Task[None]]"
    ) -> None:
        # The edge first: requests in progress may still need the loops.
        try:
            async with asyncio.timeout(self._settings.stop_within_s):
                server.stop()
                await edge_task
                self._stop_loops.set()
                if loop_tasks:
                    await asyncio.wait(loop_tasks)
        except TimeoutError as error:
            unfinished = [task.get_name() for task in (edge_task, *loop_tasks) if not task.done()]
            raise StopTimedOut(f"not stopped in time: {', '.join(unfinished)}") from error

    async def _serve(self, server: HttpServer) -> None:
        await server.serve()
        if not self._stop_requested.is_set():
            raise LoopExited("the edge returned without having been stopped")

    async def _run_loop(self, name: str, loop: Loop) -> None:
        """Run a loop until it is stopped. A halt ends it alone: it is started again until the halt is lifted."""
        while not self._stop_loops.is_set():
            try:
                await loop(self._stop_loops)
            except ChassisError as error:
                if error.exit_code != EXIT_HALTED:
                    raise
                if self._context.health.halt_loop(name, str(error)):
                    self._log.error("loop_halted", loop=name, reason=str(error))
                await self._sleep_until_stopped(_HALT_CHECK_INTERVAL_S)
            else:
                if not self._stop_loops.is_set():
                    raise LoopExited(f"loop {name} returned without having been stopped")

    async def _sleep_until_stopped(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop_loops.wait()

    async def _arm_freeze_timer(self) -> None:
        # A call that blocks the event loop blocks everything here, the health check included. The interpreter's own
        # timer thread still runs: it writes every thread's stack to standard error and exits.
        try:
            while True:
                faulthandler.dump_traceback_later(self._settings.stalls_after_s, exit=True)
                await asyncio.sleep(min(_HEARTBEAT_INTERVAL_S, self._settings.stalls_after_s / 4))
        finally:
            faulthandler.cancel_dump_traceback_later()

    def _http_app(self, parts: ServiceParts) -> ASGIApp:
        if "edge" in self._context.components and parts.edge is not None:
            return parts.edge
        return Starlette(routes=probe_routes(self._context.health, self._context.metrics))

    def _schedule_forced_exit(self, delay_s: float) -> None:
        asyncio.get_running_loop().call_later(delay_s, self._force_exit)

    def _force_exit(self) -> None:
        self._log.error("process_ended_unclosed")
        os._exit(EXIT_BUG)

    def _exit_code_for(self, error: BaseException) -> int:
        codes = {each.exit_code for each in _flatten(error) if isinstance(each, ChassisError)}
        for code in (EXIT_HALTED, EXIT_MISCONFIGURED):
            if code in codes:
                reasons = [str(each) for each in _flatten(error) if getattr(each, "exit_code", None) == code]
                self._log.error("process_halted", reasons=reasons, exit_code=code)
                return code
        self._log.error("process_broke", exc_info=error, exit_code=EXIT_BUG)
        return EXIT_BUG


def _flatten(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _flatten(each)
    else:
        yield error
