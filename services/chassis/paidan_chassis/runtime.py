"""The entry point of a service process: reads settings, configures logs, runs, exits."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final, TypeAlias, TypeVar

import uvloop

from paidan_chassis.errors import Misconfigured
from paidan_chassis.observability import logs
from paidan_chassis.observability.health import Health
from paidan_chassis.observability.metrics import Metrics
from paidan_chassis.service_runner import Component, Loop, ProcessContext, ServiceParts, ServiceRunner
from paidan_chassis.settings import ServiceSettings

__all__ = ["Build", "Component", "Loop", "ProcessContext", "ServiceParts", "main"]

SettingsT = TypeVar("SettingsT", bound=ServiceSettings)
_COMPONENTS: Final[frozenset[Component]] = frozenset({"loop", "edge"})

Build: TypeAlias = Callable[[SettingsT, ProcessContext], AbstractAsyncContextManager[ServiceParts]]


def main(service: str, settings_type: type[SettingsT], build: Build[SettingsT]) -> None:
    """Run the service until it is stopped, and exit.

    ``build`` is an async context manager that opens what the service needs, in order, and yields
    ServiceParts; it is closed in reverse. SIGTERM and SIGINT stop the edge, then the loops, within
    ``stop_within_s``. Exits with 0 after a stop, 75 when halted while opening, 78 when misconfigured, 70 on a bug.
    """
    components = _parse_components(sys.argv[1:])
    try:
        settings = settings_type.load()
    except Misconfigured as error:
        sys.stderr.write(f"{service}: {error}\n")
        sys.exit(error.exit_code)
    logs.configure(service, settings.log_level)
    metrics = Metrics(service)
    health = Health(metrics, stalls_after_s=settings.stalls_after_s, instance=settings.instance)
    context = ProcessContext(service, components, metrics, health)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        exit_code = runner.run(ServiceRunner(settings, context).run(lambda: build(settings, context)))
    sys.exit(exit_code)


def _parse_components(arguments: Sequence[str]) -> frozenset[Component]:
    parser = argparse.ArgumentParser(description="Run this service; its settings come from the environment.")
    parser.add_argument("--only", choices=sorted(_COMPONENTS), help="run only this part; without it both are run")
    only = parser.parse_args(arguments).only
    return frozenset({only}) if only else _COMPONENTS
