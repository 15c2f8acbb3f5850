"""The middleware of every request: trace id, body limit, errors, metrics, access log; and its key and body."""

import asyncio
import hashlib
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from fastapi import FastAPI
from prometheus_client import Counter, Histogram
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from paidan_chassis.edge import problems
from paidan_chassis.edge.access_log import AccessLog
from paidan_chassis.edge.api_keys import KeyRing, Principal
from paidan_chassis.edge.exchange import Exchange
from paidan_chassis.edge.scope_keys import PRINCIPAL_KEY
from paidan_chassis.json_bodies import read_json
from paidan_chassis.observability.logs import Logger, get_logger
from paidan_chassis.observability.metrics import Metrics

ModelT = TypeVar("ModelT", bound=BaseModel)


class EdgeApp(FastAPI):
    """FastAPI within our own middleware, so that a plain request to a hot route passes nothing of the framework."""

    def enclose(self, middleware: Callable[[ASGIApp], ASGIApp]) -> None:
        """Put our middleware around the framework."""
        self._entry = middleware(super().__call__)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        scope["app"] = self
        await self._entry(scope, receive, send)


class RequestMiddleware:
    """Around every request, and around the framework. Logs only the route's template: no body, no query, no id.

    ``fast_paths`` serve the requests to a path before the framework gets them, by the path.
    """

    def __init__(
        self, app: ASGIApp, *, fast_paths: Mapping[str, ASGIApp], metrics: Metrics, body_limit: int, access_log: str
    ) -> None:
        self._app = app
        self._fast_paths = fast_paths
        self._metrics = metrics
        self._request_metrics: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        self._body_limit = body_limit
        self._access_log = AccessLog(access_log)
        self._log: Logger = get_logger()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = Exchange(scope, receive, send, self._body_limit)
        try:
            app = self._fast_paths.get(scope["path"], self._app)
            if exchange.is_encoded:
                app = problems.unsupported_encoding().response()
            await app(scope, exchange.receive, exchange.send)
        except asyncio.CancelledError:
            # The process shuts down and the outcome is unknown: the caller has to send it again.
            if exchange.status == 0:
                await problems.unavailable().response()(scope, exchange.receive, exchange.send)
            raise
        except Exception as error:  # noqa: BLE001 - the process edge: whatever it is, the caller gets a response
            await self._respond_to_error(error, exchange)
        self._record_request(exchange)

    async def _respond_to_error(self, error: Exception, exchange: Exchange) -> None:
        problem = problems.problem_for(error)
        if problem.status != 503:
            self._log.error("request_broke", route=exchange.route, trace_id=exchange.trace_id, exc_info=error)
        else:
            self._log.warning("request_put_off", route=exchange.route, fault=type(error).__name__)
        if exchange.status == 0:
            await problem.response()(exchange.scope, exchange.receive, exchange.send)

    def _record_request(self, exchange: Exchange) -> None:
        duration_s = time.perf_counter() - exchange.started
        route_status = (exchange.route, exchange.status)
        if route_status not in self._request_metrics:
            self._request_metrics[route_status] = self._metrics.request_metrics(*route_status)
        counter, timer = self._request_metrics[route_status]
        counter.inc()
        timer.observe(duration_s)
        if exchange.status >= 400 or self._access_log.logs_all:
            self._access_log.record(exchange, duration_s)
            if 400 <= exchange.status < 500:
                exchange.scope["app"].state.keys.recorder.count_request(exchange.scope, exchange.route, exchange.status)


async def authenticate(request: Request) -> Principal:
    """Return the holder of the request's key (``Authorization: Bearer`` or ``X-API-Key``), or raise 401.

    Called before a byte of the body is read, and again as a dependency of FastAPI's routes.
    """
    return await authenticate_scope(request.scope)


async def authenticate_scope(scope: Scope) -> Principal:
    """Return the holder of the key of the request with this scope, or raise 401."""
    if (known := scope.get(PRINCIPAL_KEY)) is not None:
        principal: Principal = known
        return principal
    token = _token_of(scope)
    keys: KeyRing = scope["app"].state.keys
    # The cache is read here and not by find(), which a hot route then need not call.
    found = keys.cache.get(hashlib.sha256(token).digest())
    if found is None or time.monotonic() > found.expires_at:
        found = await keys.look_up(token.decode("latin-1"))
    caller, allowance = found.principal, found.allowance
    if caller is None:
        raise problems.unauthorized()
    scope[PRINCIPAL_KEY] = caller
    if allowance.tokens >= 1:
        allowance.tokens -= 1
    else:
        await keys.limiter.spend(allowance, 1)
    return caller


def _token_of(scope: Scope) -> bytes:
    sent = [each for each in scope["headers"] if each[0] in (b"authorization", b"x-api-key")]
    by_name: dict[bytes, bytes] = dict(sent)
    if len(by_name) < len(sent):
        raise problems.unauthorized()  # two keys are none
    scheme, _, token = by_name.get(b"authorization", b"").partition(b" ")
    return (token if scheme.lower() == b"bearer" else by_name.get(b"x-api-key", b"")).strip()


def parse_body(model: type[ModelT], raw: bytes) -> ModelT:
    """Return the model of a JSON body, or raise 400 or 422 naming the field and quoting no value."""
    try:
        return read_json(model, raw)
    except ValidationError as error:
        raise problems.from_validation_errors(
            error.errors(include_url=False, include_input=False), model=model
        ) from None
