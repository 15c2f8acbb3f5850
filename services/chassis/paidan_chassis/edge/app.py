"""Builds the FastAPI app of a service: middleware, error handlers, probes, hot routes."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from paidan_chassis.edge import openapi, problems
from paidan_chassis.edge.api_keys import KeyRing, Principal
from paidan_chassis.edge.headers import INSTANCE_HEADER
from paidan_chassis.edge.hot_routes import FastPath, HotRequest, HotRoute, PreparedResponse
from paidan_chassis.edge.middleware import EdgeApp, ModelT, RequestMiddleware, authenticate
from paidan_chassis.edge.problems import BodyTooLarge, ErrorBody, Problem
from paidan_chassis.edge.query import QueryRules
from paidan_chassis.edge.routes import EdgeRoute, plain_route
from paidan_chassis.edge.scope_keys import BODY_LIMIT_KEY, TRACE_ID_KEY
from paidan_chassis.observability.health import Health
from paidan_chassis.observability.metrics import Metrics


@dataclass(frozen=True, slots=True)
class EdgeConfig:
    """What an app is built from. ``body_limit``, in bytes, holds for routes that set none of their own."""

    title: str
    version: str
    keys: KeyRing
    health: Health
    metrics: Metrics
    access_log: str = "failed"
    body_limit: int = 1_000_000


def create_app(config: EdgeConfig) -> FastAPI:
    """Return an app with ``/docs``, ``/healthz``, ``/readyz``, ``/metrics`` and error handlers.

    A route that accepts more than ``config.body_limit`` sets FastAPI's ``max_body_size``.
    """
    app = EdgeApp(
        title=config.title,
        version=config.version,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,  # added below, as a route that takes no query
        redirect_slashes=False,  # a redirect would name the Host that the caller sent
        routes=probe_routes(config.health, config.metrics),
        responses={422: {"model": ErrorBody, "description": "The error, and where it is."}},
        telemetry={"tracing": False, "metrics": False, "logs": False},  # ours cost less
    )
    app.state.keys = config.keys
    app.router.route_class = EdgeRoute
    app.state.fast_paths = {}
    app.state.body_limit = config.body_limit
    app.enclose(
        partial(
            RequestMiddleware,
            fast_paths=app.state.fast_paths,
            metrics=config.metrics,
            body_limit=config.body_limit,
            access_log=config.access_log,
        )
    )
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(ClientDisconnect, _on_disconnect)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(Exception, _on_error)
    openapi.install_openapi(app)
    return app


def probe_routes(health: Health, metrics: Metrics) -> list[BaseRoute]:
    """Return the routes that need no key: ``/healthz``, ``/readyz``, ``/readyz/edge``, ``/metrics``.

    All but the last identify the process that answers: another one may have taken the port of one that is down.
    ``/readyz/edge`` is for what routes requests: a halted loop is no reason to take the edge's requests from it.
    """
    headers = {INSTANCE_HEADER: health.instance} if health.instance else None

    async def healthz(_request: Request) -> Response:
        stalled = {each.name: each.stall_reason for each in health.states() if each.stall_reason}
        body = {"alive": not stalled, "stalled": stalled, "halted": health.halted_loops()}
        return JSONResponse(body, 503 if stalled else 200, headers)

    def readiness(unready: dict[str, str]) -> Response:
        body = {"ready": not unready, "waits_for": unready, "halted": health.halted_loops()}
        return JSONResponse(body, 503 if unready else 200, headers)

    async def readyz(_request: Request) -> Response:
        return readiness(health.unready_reasons())

    async def readyz_edge(_request: Request) -> Response:
        halted = health.halted_loops()
        return readiness({name: reason for name, reason in health.unready_reasons().items() if name not in halted})

    async def metrics_page(_request: Request) -> Response:
        return Response(metrics.render(), media_type="text/plain; version=0.0.4")

    return [
        plain_route("/healthz", healthz),
        plain_route("/readyz", readyz),
        plain_route("/readyz/edge", readyz_edge),
        plain_route("/metrics", metrics_page),
    ]


Caller = Annotated[Principal, Depends(authenticate)]


async def read_body(request: Request, limit: int) -> bytes:
    """Return the body, or raise 413 as soon as it exceeds the limit, whatever length was announced."""
    request.scope[BODY_LIMIT_KEY] = limit
    return await request.body()


def trace_id(request: Request) -> str:
    """Return the request's trace id, as in ``X-Trace-Id``: from the caller's traceparent, or a new one."""
    value: str = request.scope[TRACE_ID_KEY]
    return value


def hot_route(  # noqa: PLR0913 - each is a property of the route
    app: FastAPI,
    path: str,
    handler: Callable[[HotRequest[ModelT]], Awaitable[Response | PreparedResponse]],
    *,
    name: str,
    model: type[ModelT],
    response_model: type[BaseModel] | None = None,
    body_limit: int | None = None,
    query: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Add a POST route that bypasses FastAPI's dependencies and is still part of the OpenAPI document.

    ``name`` and the handler's docstring are published as operation id and summary, ``query`` are its parameters, as in
    the document. The handler returns a response or raises Problem.
    """
    rules = QueryRules(frozenset(str(each["name"]) for each in query))
    route = HotRoute(path, handler, model, body_limit, rules)
    framework = partial(FastAPI.__call__, app)
    app.state.fast_paths[path] = FastPath(route, framework, body_limit=app.state.body_limit)
    # First, because the router tries one route after the other, and each try costs a microsecond.
    app.router.routes.insert(0, Route(path, route.endpoint, methods=["POST"], include_in_schema=False))
    openapi.add_route_doc(app, path, openapi.RouteDoc(name, handler.__doc__ or "", model, response_model, query))


async def _on_problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 - what it is registered for
    return error.response()


async def _on_disconnect(_request: Request, _error: Exception) -> Response:
    # Nobody reads this response; access logs commonly write 499 for it, because it is no error of the server.
    return Response(status_code=499)


async def _on_http_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
    match error.status_code:
        case 404:
            problem = problems.not_found()
        case 405:
            problem = problems.method_not_allowed()
        case 413:
            problem = problems.too_large(error.limit if isinstance(error, BodyTooLarge) else 0)
        case status:
            problem = Problem(status, "invalid", "the request could not be read", "请求无法读取")
    response = problem.response()
    if allowed := (error.headers or {}).get("Allow"):
        response.headers["Allow"] = allowed
    return response


async def _on_error(_request: Request, error: Exception) -> Response:
    return problems.problem_for(error).response()  # RequestMiddleware, to which the framework raises it again, logs it


async def _on_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - what it is registered for
    return problems.from_validation_errors(error.errors(), model=_body_model(request.scope.get("route"))).response()


def _body_model(route: object) -> type[BaseModel] | None:
    body = route.body_field.field_info.annotation if isinstance(route, APIRoute) and route.body_field else None
    return body if isinstance(body, type) and issubclass(body, BaseModel) else None
