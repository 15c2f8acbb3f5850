"""The middleware of every request: trace id, body limit, errors, metrics, access log; and its key and body."""

import asyncio
import hashlib
import random
import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeVar

from fastapi import FastAPI
from prometheus_client import Counter, Histogram
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from paidan_chassis.edge import problems
from paidan_chassis.edge.access_log import AccessLog
from paidan_chassis.edge.api_keys import KeyRing, Principal
from paidan_chassis.edge.problems import BodyTooLarge
from paidan_chassis.edge.scope_keys import ANNOUNCED_BYTES_KEY, BODY_LIMIT_KEY, PRINCIPAL_KEY, ROUTE_KEY, TRACE_ID_KEY
from paidan_chassis.edge.security_headers import DEFAULT_HEADERS, DEFAULT_NAMES, STRICT_TRANSPORT
from paidan_chassis.json_bodies import read_json
from paidan_chassis.observability.logs import Logger, get_logger
from paidan_chassis.observability.metrics import Metrics

ModelT = TypeVar("ModelT", bound=BaseModel)
_TRACEPARENT: Final = re.compile(rb"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


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
        except Exception as error:  # noqa: BLE001 - the process edge: whatever it is, the caller gets an answer
            await self._respond_to_error(error, exchange)
        self._record_request(exchange)

    async def _respond_to_error(self, error: Exception, exchange: "Exchange") -> None:
        problem = problems.problem_for(error)
        if problem.status != 503:
            self._log.error("request_broke", route=exchange.route, trace_id=exchange.trace_id, exc_info=error)
        else:
            self._log.warning("request_put_off", route=exchange.route, fault=type(error).__name__)
        if exchange.status == 0:
            await problem.response()(exchange.scope, exchange.receive, exchange.send)

    def _record_request(self, exchange: "Exchange") -> None:
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


class Exchange:
    """One request and its response. ``status`` is 0 until the response starts."""

    __slots__ = (
        "_bytes_read",
        "_discards_response",
        "_inner_receive",
        "_inner_send",
        "_is_tls",
        "_limit",
        "announced_bytes",
        "is_encoded",
        "scope",
        "started",
        "status",
        "trace_id",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        self.scope = scope
        self.started = time.perf_counter()
        self.status = 0
        self.announced_bytes = 0
        self.is_encoded = False
        self._is_tls = scope["scheme"] == "https"
        self.trace_id = scope[TRACE_ID_KEY] = self._read_head() or f"{random.getrandbits(128):032x}"
        scope[ANNOUNCED_BYTES_KEY] = self.announced_bytes
        self._inner_receive = receive
        self._inner_send = send
        self._limit = limit
        self._bytes_read = 0
        self._discards_response = False

    def _read_head(self) -> str | None:
        """Note what the headers say about body and transport, and return the caller's trace id."""
        trace_id = None
        for name, value in self.scope["headers"]:
            if name == b"content-length":
                self.announced_bytes = int(value) if value.isdigit() else 0
            elif name == b"traceparent" and (traceparent := _TRACEPARENT.fullmatch(value)):
                trace_id = traceparent[1].decode()
            elif name == b"x-forwarded-proto" and value.strip().lower() == b"https":
                self._is_tls = True
            elif name == b"content-encoding" and value.strip().lower() not in (b"", b"identity"):
                self.is_encoded = True
        return trace_id

    @property
    def method(self) -> str:
        """Return the request's method."""
        return str(self.scope["method"])

    @property
    def route(self) -> str:
        """Return the route's template, which contains no ids."""
        # FastAPI does not put a plain Starlette route into the scope, so a hot route sets its own path.
        return str(self.scope.get(ROUTE_KEY) or getattr(self.scope.get("route"), "path", "unmatched"))

    @property
    def limit(self) -> int:
        """Return the most bytes of a body: the route's limit, or else the app's."""
        route_limit: int | None = self.scope.get(BODY_LIMIT_KEY) or getattr(
            self.scope.get("route"), "max_body_size", None
        )
        return route_limit or self._limit

    async def receive(self) -> Message:
        """Receive the next part of the body; raise ``BodyTooLarge`` above the limit, whatever length was announced."""
        limit = self.limit
        if self._bytes_read == 0 and self.announced_bytes > limit:
            raise BodyTooLarge(limit)
        message = await self._inner_receive()
        self._bytes_read += len(message.get("body", b""))
        if self._bytes_read > limit:
            raise BodyTooLarge(limit)
        return message

    async def send(self, message: Message) -> None:
        """Send a part of the response, with the trace id among its headers."""
        if message["type"] == "http.response.start" and message["status"] == 413 and problems.is_starlette_413(message):
            self._discards_response = True
            await problems.too_large(self.limit).response()(self.scope, self.receive, self._forward)
        if not self._discards_response:
            await self._forward(message)

    async def _forward(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": self._complete_headers(message.get("headers", ()))}
        await self._inner_send(message)

    def _complete_headers(self, headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        own = {name for name, _ in headers if name in DEFAULT_NAMES}
        defaults = [each for each in DEFAULT_HEADERS if each[0] not in own] if own else DEFAULT_HEADERS
        transport = (STRICT_TRANSPORT,) if self._is_tls else ()
        return [*headers, *defaults, *transport, (b"x-trace-id", self.trace_id.encode())]


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
