"""Runs a service: from its environment to its exit code. What it opens and listens to is the service's own."""

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
from paidan_chassis.service_runner import (
    Life,
    Owner,
    Part,
    Process,
    Running,
)
from paidan_chassis.settings import ServiceSettings

__all__ = ["Build", "Owner", "Part", "Process", "Running", "main"]

S = TypeVar("S", bound=ServiceSettings)
_PARTS: Final[frozenset[Part]] = frozenset({"loop", "edge"})

Build: TypeAlias = Callable[[S, Process], AbstractAsyncContextManager[Running]]


def main(service: str, settings_type: type[S], build: Build[S]) -> None:
    """Run the service until it is told to stop, and exit.

    ``build`` is an async context manager that opens what the service needs, in order, and yields
    Running; it is closed in reverse. SIGTERM and SIGINT stop the edge, then the loops, within
    ``stop_within_s``. Exits with 0 after a stop, 75 when halted, 78 when misconfigured, 70 on a bug.
    """
    parts = _asked_for(sys.argv[1:])
    try:
        settings = settings_type.load()
    except Misconfigured as error:
        sys.stderr.write(f"{service}: {error}\n")
        sys.exit(error.exit_code)
    logs.configure(service, settings.log_level)
    metrics = Metrics(service)
    health = Health(metrics, stalls_after_s=settings.stalls_after_s, instance=settings.instance)
    process = Process(service, parts, metrics, health)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        code = runner.run(Life(settings, process).live(lambda: build(settings, process)))
    sys.exit(code)


def _asked_for(arguments: Sequence[str]) -> frozenset[Part]:
    parser = argparse.ArgumentParser(description="Run this service; its settings come from the environment.")
    parser.add_argument("--only", choices=sorted(_PARTS), help="run one part of it; both without this")
    only = parser.parse_args(arguments).only
    return frozenset({only}) if only else _PARTS
