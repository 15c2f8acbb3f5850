"""One run of a process: opened in order, run under owners, stopped by a signal or a fault, closed in reverse."""

import asyncio
import faulthandler
import os
import signal
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.types import ASGIApp

from paidan_chassis.edge.app import probes
from paidan_chassis.edge.server import Listener, bind
from paidan_chassis.errors import EXIT_BUG, EXIT_HALTED, EXIT_MISCONFIGURED, ChassisError
from paidan_chassis.garbage import look_seldom
from paidan_chassis.observability import logs
from paidan_chassis.observability.health import Health
from paidan_chassis.observability.metrics import Metrics
from paidan_chassis.settings import ServiceSettings

Part = Literal["loop", "edge"]

Owner: TypeAlias = Callable[[asyncio.Event], Awaitable[None]]
"""A loop. It returns when the event is set, having finished what is in hand; earlier only by raising."""

# After the graceful stop: what closing connections may take before the process is ended from outside itself.
_CLOSING_S: Final = 2.0
_PULSE_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Process:
    """What a service finds when it is built."""

    service: str
    parts: frozenset[Part]
    metrics: Metrics
    health: Health


@dataclass(frozen=True, slots=True)
class Running:
    """What a service wants run while its ``build`` context is open; parts that are not asked for are left alone."""

    loops: Mapping[str, Owner]
    edge: FastAPI | None = None


class LoopEnded(ChassisError):
    """A loop returned although nobody had told it to stop."""


class StoppedLate(ChassisError):
    """The graceful stop took longer than it may."""


class Life:
    """One run of a process, from its first connection to its exit code."""

    def __init__(self, settings: ServiceSettings, process: Process) -> None:
        self._settings = settings
        self._process = process
        self._told_to_stop = asyncio.Event()
        self._loops_stop = asyncio.Event()
        self._opened = False
        self._log = logs.logger()

    async def live(self, build: Callable[[], AbstractAsyncContextManager[Running]]) -> int:
        """Open, run, close; give the exit code."""
        living = asyncio.ensure_future(self._open_and_run(build))
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._on_signal, living)
        self._log.info("process_starting", parts=sorted(self._process.parts), pid=os.getpid())
        try:
            await living
        except asyncio.CancelledError:
            self._log.info("process_stopped", before="start")
            return 0
        except BaseException as error:  # noqa: BLE001 - the process edge: every end has a line and a code
            return self._ended_by(error)
        self._log.info("process_stopped")
        return 0

    def _on_signal(self, living: "asyncio.Future[None]") -> None:
        if self._told_to_stop.is_set():
            return  # a second Ctrl-C is impatience; the deadline holds all the same
        self._told_to_stop.set()
        self._end_at_last(self._settings.stop_within_s + _CLOSING_S)
        if not self._opened:
            living.cancel()

    async def _open_and_run(self, build: Callable[[], AbstractAsyncContextManager[Running]]) -> None:
        async with build() as running:
            look_seldom()
            self._opened = True
            try:
                await self._run(running)
            finally:
                self._end_at_last(self._settings.stop_within_s + _CLOSING_S)

    async def _run(self, running: Running) -> None:
        loops = running.loops if "loop" in self._process.parts else {}
        if not loops:
            self._process.health.forget_loops()
        with bind(self._settings.host, self._settings.port) as sock:
            listener = Listener(self._app(running), sock, stop_within_s=self._settings.stop_within_s / 2)
            async with asyncio.TaskGroup() as owners:
                watching = [owners.create_task(self._process.health.watch()), owners.create_task(self._pulse())]
                owned = [owners.create_task(self._own(name, loop), name=name) for name, loop in loops.items()]
                edge = owners.create_task(self._serve(listener), name="edge")
                self._log.info("process_started", host=self._settings.host, port=listener.port, loops=sorted(loops))
                await self._told_to_stop.wait()
                await self._stop(listener, edge, owned)
                for task in watching:
                    task.cancel()

    async def _stop(self, listener: Listener, edge: "asyncio.Task[None]", owned: "list[asyncio.Task[None]]") -> None:
        # The edge first: requests in hand may still need the loops.
        try:
            async with asyncio.timeout(self._settings.stop_within_s):
                listener.stop()
                await edge
                self._loops_stop.set()
                if owned:
                    await asyncio.wait(owned)
        except TimeoutError as error:
            late = [task.get_name() for task in (edge, *owned) if not task.done()]
            raise StoppedLate(f"not stopped in time: {', '.join(late)}") from error

    async def _serve(self, listener: Listener) -> None:
        await listener.serve()
        if not self._told_to_stop.is_set():
            raise LoopEnded("the edge ended by itself")

    async def _own(self, name: str, loop: Owner) -> None:
        await loop(self._loops_stop)
        if not self._loops_stop.is_set():
            raise LoopEnded(f"loop {name} ended by itself")

    async def _pulse(self) -> None:
        # A call that blocks the event loop stops everything here, the watch over progress included. The interpreter's
        # own timer sees that from outside: it writes every thread's stack to standard error and ends the process.
        try:
            while True:
                faulthandler.dump_traceback_later(self._settings.stalls_after_s, exit=True)
                await asyncio.sleep(min(_PULSE_S, self._settings.stalls_after_s / 4))
        finally:
            faulthandler.cancel_dump_traceback_later()

    def _app(self, running: Running) -> ASGIApp:
        if "edge" in self._process.parts and running.edge is not None:
            return running.edge
        return Starlette(routes=probes(self._process.health, self._process.metrics))

    def _end_at_last(self, within_s: float) -> None:
        asyncio.get_running_loop().call_later(within_s, self._end_now)

    def _end_now(self) -> None:
        self._log.error("process_ended_unclosed")
        os._exit(EXIT_BUG)

    def _ended_by(self, error: BaseException) -> int:
        codes = {each.exit_code for each in _flat(error) if isinstance(each, ChassisError)}
        for code in (EXIT_HALTED, EXIT_MISCONFIGURED):
            if code in codes:
                reasons = [str(each) for each in _flat(error) if getattr(each, "exit_code", None) == code]
                self._log.error("process_halted", reasons=reasons, exit_code=code)
                return code
        self._log.error("process_broke", exc_info=error, exit_code=EXIT_BUG)
        return EXIT_BUG


def _flat(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _flat(each)
    else:
        yield error
