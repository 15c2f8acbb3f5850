"""The middleware of every request: trace id, body limit, errors, metrics, access log; and the hot routes' endpoint."""

import asyncio
import hashlib
import random
import re
import time
from codecs import BOM_UTF8
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from prometheus_client import Counter, Histogram
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from paidan_chassis.edge import problems
from paidan_chassis.edge.api_keys import KeyRing, Principal
from paidan_chassis.edge.problems import BodyTooLarge
from paidan_chassis.observability.logs import Logger, LogThrottle, get_logger
from paidan_chassis.observability.metrics import Metrics

ModelT = TypeVar("ModelT", bound=BaseModel)
BODY_LIMIT_KEY: Final = "paidan.body_limit"
TRACE_ID_KEY: Final = "paidan.trace_id"
ROUTE_KEY: Final = "paidan.route"
_ACCESS_LOG_BURST: Final = 50
_TRACEPARENT: Final = re.compile(rb"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


class RequestMiddleware:
    """The outermost ASGI middleware. Logs only the route's template: no body, no query, no path with an id."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, body_limit: int, access_log: str) -> None:
        self._app = app
        self._metrics = metrics
        self._request_metrics: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        self._body_limit = body_limit
        self._access_log = access_log
        self._log: Logger = get_logger()
        self._throttle = LogThrottle(_ACCESS_LOG_BURST)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = Exchange(scope, receive, send, self._body_limit)
        try:
            await self._app(scope, exchange.receive, exchange.send)
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
        if self._access_log == "all":
            self._log_access(exchange, duration_s)
        elif self._access_log == "failed" and exchange.status >= 400:
            # A client that repeats bad requests must not fill the disk.
            suppressed = self._throttle.admit(route_status, time.monotonic())
            if suppressed is not None:
                self._log_access(exchange, duration_s, suppressed=suppressed)

    def _log_access(self, exchange: "Exchange", duration_s: float, *, suppressed: int = 0) -> None:
        self._log.info(
            "request_answered",
            method=exchange.scope["method"],
            route=exchange.route,
            status=exchange.status,
            took_ms=round(duration_s * 1000, 1),
            trace_id=exchange.trace_id,
            **({"left_out": suppressed} if suppressed else {}),
        )


class Exchange:
    """One request and its response. ``status`` is 0 until the response starts."""

    __slots__ = (
        "_bytes_read",
        "_discards_response",
        "_inner_receive",
        "_inner_send",
        "_limit",
        "scope",
        "started",
        "status",
        "trace_id",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        self.scope = scope
        self.started = time.perf_counter()
        self.status = 0
        self.trace_id = scope[TRACE_ID_KEY] = _trace_id(scope)
        self._inner_receive = receive
        self._inner_send = send
        self._limit = limit
        self._bytes_read = 0
        self._discards_response = False

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
        if self._bytes_read == 0 and _content_length(self.scope) > limit:
            raise BodyTooLarge(limit)
        message = await self._inner_receive()
        self._bytes_read += len(message.get("body", b""))
        if self._bytes_read > limit:
            raise BodyTooLarge(limit)
        return message

    async def send(self, message: Message) -> None:
        """Send a part of the response, with the trace id among its headers."""
        if message["type"] == "http.response.start" and _is_starlette_413(message):
            self._discards_response = True
            await problems.too_large(self.limit).response()(self.scope, self.receive, self._forward)
        if not self._discards_response:
            await self._forward(message)

    async def _forward(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": [*message.get("headers", ()), (b"x-trace-id", self.trace_id.encode())]}
        await self._inner_send(message)


@dataclass(frozen=True, slots=True)
class HotRequest(Generic[ModelT]):
    """One request to a hot route, authenticated, read and validated."""

    request: Request
    principal: Principal
    raw: bytes
    body: ModelT


async def authenticate(request: Request) -> Principal:
    """Return the holder of the request's key (``Authorization: Bearer`` or ``X-API-Key``), or raise 401."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        token = request.headers.get("x-api-key", "")
    token = token.strip()
    keys: KeyRing = request.app.state.keys
    # The cache is read here and not by find(), which a hot route then need not call.
    found = keys.cache.get(hashlib.sha256(token.encode()).digest())
    principal = found.principal if found and time.monotonic() < found.expires_at else await keys.find(token)
    if principal is None:
        raise problems.unauthorized()
    return principal


def parse_body(model: type[ModelT], raw: bytes) -> ModelT:
    """Return the model of a JSON body, or raise 400 or 422 naming the field and quoting no value."""
    try:
        return model.model_validate_json(raw.removeprefix(BOM_UTF8))
    except ValidationError as error:
        raise problems.from_validation_errors(
            error.errors(include_url=False, include_context=False, include_input=False)
        ) from None


def hot_endpoint(
    path: str,
    handler: Callable[[HotRequest[ModelT]], Awaitable[Response]],
    *,
    model: type[ModelT],
    body_limit: int | None,
) -> Callable[[Request], Awaitable[Response]]:
    """Return an endpoint that authenticates, reads and validates a request, and then calls the handler."""

    async def endpoint(request: Request) -> Response:
        request.scope[ROUTE_KEY] = path
        request.scope[BODY_LIMIT_KEY] = body_limit
        caller = await authenticate(request)
        raw = await request.body()
        return await handler(HotRequest(request, caller, raw, parse_body(model, raw)))

    return endpoint


def _is_starlette_413(response_start: Message) -> bool:
    # Starlette replaces any answer to a body that was announced too long for its route by plain text.
    return response_start["status"] == 413 and (b"content-type", b"application/json") not in response_start.get(
        "headers", ()
    )


def _trace_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"traceparent" and (traceparent := _TRACEPARENT.fullmatch(value)):
            return traceparent[1].decode()
    return f"{random.getrandbits(128):032x}"


def _content_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0
