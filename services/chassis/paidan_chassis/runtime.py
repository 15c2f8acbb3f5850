"""The entry point of a service process: reads settings, configures logs, runs, exits."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final, TypeAlias, TypeVar

import uvloop

from paidan_chassis.errors import EXIT_BUG, ChassisError, Misconfigured
from paidan_chassis.observability import logs
from paidan_chassis.observability.health import Health
from paidan_chassis.observability.metrics import Metrics
from paidan_chassis.service_runner import Component, Loop, ProcessContext, ServiceParts, ServiceRunner
from paidan_chassis.settings import ServiceSettings

__all__ = ["Build", "Component", "Loop", "ProcessContext", "ServiceParts", "main"]

SettingsT = TypeVar("SettingsT", bound=ServiceSettings)
_COMPONENTS: Final[frozenset[Component]] = frozenset({"loop", "edge"})

Build: TypeAlias = Callable[[SettingsT, ProcessContext], AbstractAsyncContextManager[ServiceParts]]
Rebuild: TypeAlias = Callable[[SettingsT], Coroutine[object, object, None]]


def main(
    service: str,
    settings_type: type[SettingsT],
    build: Build[SettingsT],
    *,
    rebuild: Rebuild[SettingsT] | None = None,
) -> None:
    """Run the service until it is stopped, or with ``--rebuild`` run ``rebuild``, and exit.

    ``build`` is an async context manager that opens what the service needs, in order, and yields
    ServiceParts; it is closed in reverse. SIGTERM and SIGINT stop the edge, then the loops, within
    ``stop_within_s``. Exits with 0 after a stop, 75 when halted while opening, 78 when misconfigured, 70 on a bug.
    """
    arguments = _parse_arguments(sys.argv[1:], can_rebuild=rebuild is not None)
    try:
        settings = settings_type.load()
    except Misconfigured as error:
        sys.stderr.write(f"{service}: {error}\n")
        sys.exit(error.exit_code)
    logs.configure(service, settings.log_level)
    if rebuild is not None and arguments.rebuild:
        sys.exit(_run_rebuild(service, rebuild(settings)))
    components = frozenset({arguments.only}) if arguments.only else _COMPONENTS
    metrics = Metrics(service)
    health = Health(metrics, stalls_after_s=settings.stalls_after_s, instance=settings.instance)
    context = ProcessContext(service, components, metrics, health)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        exit_code = runner.run(ServiceRunner(settings, context).run(lambda: build(settings, context)))
    sys.exit(exit_code)


def _run_rebuild(service: str, rebuild: Coroutine[object, object, None]) -> int:
    try:
        uvloop.run(rebuild)
    except ChassisError as error:
        sys.stderr.write(f"{service}: {error}\n")
        return error.exit_code
    except ExceptionGroup as group:
        known, unknown = group.split(ChassisError)
        if known is None or unknown is not None:
            raise
        sys.stderr.write(f"{service}: {known.exceptions[0]}\n")
        return getattr(known.exceptions[0], "exit_code", EXIT_BUG)
    return 0


def _parse_arguments(arguments: Sequence[str], *, can_rebuild: bool) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run this service; its settings come from the environment.")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--only", choices=sorted(_COMPONENTS), help="run only this part; without it both are run")
    if can_rebuild:
        choice.add_argument("--rebuild", action="store_true", help="compute its tables from the log again, and exit")
    return parser.parse_args(arguments)
