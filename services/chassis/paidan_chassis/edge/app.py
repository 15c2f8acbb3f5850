"""The HTTP edge that every service has: keys, limits, one error shape, health, metrics, trace ids."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Final, Generic, TypeVar

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from paidan_chassis.edge import openapi, problems
from paidan_chassis.edge.api_keys import KeyRing, Principal
from paidan_chassis.edge.middleware import (
    LIMIT,
    ROUTE,
    TRACE,
    Envelope,
    TooLarge,
)
from paidan_chassis.edge.problems import ErrorBody, Problem
from paidan_chassis.observability.health import Health
from paidan_chassis.observability.metrics import Metrics

M = TypeVar("M", bound=BaseModel)
INSTANCE_HEADER: Final = "x-paidan-instance"


@dataclass(frozen=True, slots=True)
class Face:
    """What an edge shows of its process. ``body_limit`` holds for routes that name none of their own."""

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
    """Build the app: ``/docs``, ``/healthz``, ``/readyz``, ``/metrics`` and the error shape are there already.

    A route with a larger body than ``face.body_limit`` says so with FastAPI's ``max_body_size``.
    """
    app = FastAPI(
        title=face.title,
        version=face.version,
        docs_url=None,
        redoc_url=None,
        routes=probes(face.health, face.metrics),
        responses={422: {"model": ErrorBody, "description": "What is wrong, and where."}},
        telemetry={"tracing": False, "metrics": False, "logs": False},  # ours cost less
    )
    app.state.keys = face.keys
    app.add_middleware(Envelope, metrics=face.metrics, body_limit=face.body_limit, access_log=face.access_log)
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(ClientDisconnect, _on_gone)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    openapi.install(app)
    return app


def probes(health: Health, metrics: Metrics) -> list[BaseRoute]:
    """Give the routes that need no key: ``/healthz``, ``/readyz``, ``/metrics``.

    The first two tell which process answers: another's may have taken the port of one that is down.
    """
    told = {INSTANCE_HEADER: health.instance} if health.instance else None

    async def healthz(_request: Request) -> Response:
        stalled = {each.name: each.stalled for each in health.states() if each.stalled}
        return JSONResponse({"alive": not stalled, "stalled": stalled}, 503 if stalled else 200, told)

    async def readyz(_request: Request) -> Response:
        unready = health.unready()
        return JSONResponse({"ready": not unready, "waits_for": unready}, 503 if unready else 200, told)

    async def page(_request: Request) -> Response:
        return Response(metrics.page(), media_type="text/plain; version=0.0.4")

    return [
        Route("/healthz", healthz, include_in_schema=False),
        Route("/readyz", readyz, include_in_schema=False),
        Route("/metrics", page, include_in_schema=False),
    ]


async def principal(request: Request) -> Principal:
    """Name who holds the request's key (``Authorization: Bearer`` or ``X-API-Key``); 401 without a good one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        token = request.headers.get("x-api-key", "")
    keys: KeyRing = request.app.state.keys
    found = await keys.find(token.strip())
    if found is None:
        raise problems.unauthorized()
    return found


Caller = Annotated[Principal, Depends(principal)]


async def read_body(request: Request, limit: int) -> bytes:
    """Read the body, and give up with 413 as soon as it exceeds the limit, whatever it said its length was."""
    request.scope[LIMIT] = limit
    return await request.body()


def parse(model: type[M], raw: bytes) -> M:
    """Validate JSON once; 400 or 422 naming the field, never quoting a value."""
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        raise problems.first_of(error.errors(include_url=False, include_context=False, include_input=False)) from None


def trace_id(request: Request) -> str:
    """Name this request as its answer's ``X-Trace-Id`` does: the caller's traceparent's id, or a new one."""
    found: str = request.scope[TRACE]
    return found


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

    async def endpoint(request: Request) -> Response:
        request.scope[ROUTE] = path
        request.scope[LIMIT] = limit
        who = await principal(request)
        raw = await request.body()
        return await handler(Call(request, who, raw, parse(model, raw)))

    # First in line: the router tries one route after the other, and each try costs a microsecond.
    app.router.routes.insert(0, Route(path, endpoint, methods=["POST"], include_in_schema=False))
    openapi.describe(app, path, openapi.Described(handler.__name__, handler.__doc__ or "", model, answers))


async def _on_problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 - what it is registered for
    return error.response()


async def _on_gone(_request: Request, _error: Exception) -> Response:
    # Whoever hung up while sending reads no answer; 499 is what access logs commonly call it, for it is no bug of ours.
    return Response(status_code=499)


async def _on_http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
    match error.status_code:
        case 404:
            problem = problems.not_found()
        case 405:
            problem = Problem(405, "method_not_allowed", "this route does not take this method", "不支持该请求方法")
        case 413:
            problem = problems.too_large(error.limit if isinstance(error, TooLarge) else 0)
        case status:
            problem = Problem(status, "invalid", "the request could not be read", "请求无法读取")
    return problem.response()


async def _on_invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - what it is registered for
    return problems.first_of(error.errors()).response()
