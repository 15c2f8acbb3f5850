"""The HTTP edge that every service has: keys, limits, one error shape, health, metrics, trace ids."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from fastapi import Depends, FastAPI
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from paidan_chassis.health import Health
from paidan_chassis.keys import KeyRing, Principal
from paidan_chassis.metrics import Metrics

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Face:
    """What an edge shows of its process."""

    title: str
    version: str
    keys: KeyRing
    health: Health
    metrics: Metrics
    access_log: str = "failed"
    body_limit: int = 1_000_000


@dataclass(frozen=True, slots=True)
class Call(Generic[M]):
    """One request to a hot route: read once, within the limit, validated once."""

    request: Request
    principal: Principal
    raw: bytes
    body: M


def create_edge(face: Face) -> FastAPI:
    """Build the app: ``/docs``, ``/healthz``, ``/readyz``, ``/metrics`` and the error shape are there already."""
    raise NotImplementedError


async def principal(request: Request) -> Principal:
    """Name who holds the request's key (``Authorization: Bearer`` or ``X-API-Key``); 401 without a good one."""
    raise NotImplementedError


Caller = Annotated[Principal, Depends(principal)]


async def read_body(request: Request, limit: int) -> bytes:
    """Read the body, and give up with 413 as soon as it exceeds the limit, whatever it said its length was."""
    raise NotImplementedError


def parse(model: type[M], raw: bytes) -> M:
    """Validate JSON once; 400 or 422 naming the field, never quoting a value."""
    raise NotImplementedError


def trace_id(request: Request) -> str:
    """Name this request as its answer's ``X-Trace-Id`` does: the caller's traceparent's id, or a new one."""
    raise NotImplementedError


def hot_route(
    app: FastAPI,
    path: str,
    handler: Callable[[Call[M]], Awaitable[Response]],
    *,
    model: type[M],
    answers: type[BaseModel] | None = None,
    limit: int | None = None,
) -> None:
    """Add a POST route that skips FastAPI's machinery and still stands in the OpenAPI document.

    The handler's docstring is its summary. It answers with a Response and says no by raising Problem.
    """
    raise NotImplementedError
