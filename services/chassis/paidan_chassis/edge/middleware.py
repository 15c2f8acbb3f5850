"""What wraps every request of an edge: trace id, body limit, the last word on errors, metrics, the access line."""

import asyncio
import random
import re
import time
from typing import Final

import asyncpg
from prometheus_client import Counter, Histogram
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from paidan_chassis.database import is_transient
from paidan_chassis.edge import problems
from paidan_chassis.edge.problems import Problem
from paidan_chassis.errors import Halt, Unacknowledged
from paidan_chassis.observability.logs import Logger, LogThrottle, get_logger
from paidan_chassis.observability.metrics import Metrics

BODY_LIMIT_KEY: Final = "paidan.body_limit"
TRACE_ID_KEY: Final = "paidan.trace_id"
ROUTE_KEY: Final = "paidan.route"
_ACCESS_LOG_BURST: Final = 50
_HALT_RETRY_AFTER_S: Final = 30
_TRACEPARENT: Final = re.compile(rb"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


class BodyTooLarge(HTTPException):
    """The body is longer than the route takes. FastAPI lets an HTTPException through while it reads a body."""

    def __init__(self, limit: int) -> None:
        super().__init__(413)
        self.limit = limit


class RequestMiddleware:
    """ASGI middleware. Logs neither bodies nor queries nor paths with ids, only the route's template."""

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
            # The process ends by itself, and takes what is in hand with it: perhaps done, to be sent again.
            if exchange.status == 0:
                await problems.unavailable().response()(scope, exchange.receive, exchange.send)
            raise
        except Exception as error:  # noqa: BLE001 - the process edge: whatever it is, the caller gets an answer
            await self._respond_to_error(error, exchange)
        self._record_request(exchange)

    async def _respond_to_error(self, error: Exception, exchange: "Exchange") -> None:
        problem = problem_for(error)
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
            # Somebody's loop of bad requests must not fill our disk.
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
    """One request and its answer on their way through the envelope."""

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
        """Name the route by its template, which holds nobody's id."""
        # FastAPI keeps a plain Starlette route to itself, so a hot route says its own path.
        return str(self.scope.get(ROUTE_KEY) or getattr(self.scope.get("route"), "path", "unmatched"))

    @property
    def limit(self) -> int:
        """Tell how long a body may be here: as the route says, or else as the edge does."""
        route_limit: int | None = self.scope.get(BODY_LIMIT_KEY) or getattr(
            self.scope.get("route"), "max_body_size", None
        )
        return route_limit or self._limit

    async def receive(self) -> Message:
        """Hand on the next piece of the body, and stop at the limit, whatever the announced length."""
        limit = self.limit
        if self._bytes_read == 0 and _content_length(self.scope) > limit:
            raise BodyTooLarge(limit)
        message = await self._inner_receive()
        self._bytes_read += len(message.get("body", b""))
        if self._bytes_read > limit:
            raise BodyTooLarge(limit)
        return message

    async def send(self, message: Message) -> None:
        """Hand on a piece of the answer, with the trace id at its head."""
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


def problem_for(error: Exception) -> Problem:
    """Name the answer for an error that no handler has turned into one."""
    if is_transient(error) or isinstance(error, Unacknowledged):
        return problems.unavailable()
    if isinstance(error, Halt):
        # Where a lane would halt, an edge goes on with all that does not need what is missing.
        message = f"an operator has to mend this first: {error}"
        return Problem(503, error.reason, message, "须先由运维人员处理", retry_after_s=_HALT_RETRY_AFTER_S)
    if isinstance(error, asyncpg.DataError):
        # NUL, a number out of range...: what only the database finds is the caller's fault all the same.
        return problems.invalid(None, "a value cannot be stored", "有内容无法保存")
    return Problem(500, "internal", "this is our fault; please tell us the trace id", "内部错误，请告知我们 trace id")


def _is_starlette_413(response_start: Message) -> bool:
    # Starlette puts a plain text in the place of any answer to a body that was announced too long for its route.
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
