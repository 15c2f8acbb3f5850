"""Runs a service: from its environment to its exit code. What it opens and listens to is the service's own."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeVar

from fastapi import FastAPI

from paidan_chassis.health import Health
from paidan_chassis.metrics import Metrics
from paidan_chassis.settings import ServiceSettings

S = TypeVar("S", bound=ServiceSettings)
Part = Literal["loop", "edge"]

Owner: TypeAlias = Callable[[asyncio.Event], Awaitable[None]]
"""A loop. It returns when the event is set, having finished what is in hand; earlier only by raising."""


@dataclass(frozen=True, slots=True)
class Process:
    """What a service finds when it is built."""

    service: str
    parts: frozenset[Part]
    metrics: Metrics
    health: Health


@dataclass(frozen=True, slots=True)
class Running:
    """What a service wants run while its ``build`` context is open; nothing here for a part that is not asked for."""

    loops: Mapping[str, Owner]
    edge: FastAPI | None = None


Build: TypeAlias = Callable[[S, Process], AbstractAsyncContextManager[Running]]


def main(service: str, settings_type: type[S], build: Build[S]) -> None:
    """Run the service until it is told to stop, and exit.

    ``build`` is an async context manager that opens what the service needs, in order, and yields
    Running; it is closed in reverse. SIGTERM and SIGINT stop the edge, then the loops, within
    ``stop_within_s``. Exits with 0 after a stop, 75 when halted, 78 when misconfigured, 70 on a bug.
    """
    raise NotImplementedError
