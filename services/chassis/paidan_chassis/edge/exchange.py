"""One request and its response, as the middleware and the access log know them."""

import random
import re
import time
from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

from starlette.types import Message, Receive, Scope, Send

from paidan_chassis.edge import problems
from paidan_chassis.edge.problems import BodyTooLarge
from paidan_chassis.edge.scope_keys import (
    ANNOUNCED_BYTES_KEY,
    BODY_LIMIT_KEY,
    ROUTE_KEY,
    TRACE_ID_KEY,
    WRITE_RESPONSE_KEY,
)
from paidan_chassis.edge.security_headers import DEFAULT_HEADERS, DEFAULT_NAMES, STRICT_TRANSPORT, RawHeaders, render

PREPARED_RESPONSE: Final = "paidan.prepared_response"
"""Type of our own ASGI message: the status and the body of a response in JSON."""
WriteResponse: TypeAlias = Callable[[Scope, int, bytes, bytes], bool]
"""Writes the response to the request of a scope, by status, head and body; returns whether it did."""
_CONTENT_TYPE: Final = (b"content-type", b"application/json")
_CONSTANT: Final = {
    is_tls: render((_CONTENT_TYPE, *DEFAULT_HEADERS, *((STRICT_TRANSPORT,) if is_tls else ())))
    for is_tls in (False, True)
}
_TRACEPARENT: Final = re.compile(rb"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


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
        """Send a part of the response, with the trace id among its headers, or a prepared one whole."""
        if message["type"] == PREPARED_RESPONSE:
            await self._send_prepared(message["status"], message["body"])
            return
        if message["type"] == "http.response.start" and message["status"] == 413 and problems.is_starlette_413(message):
            self._discards_response = True
            await problems.too_large(self.limit).response()(self.scope, self.receive, self._forward)
        if not self._discards_response:
            await self._forward(message)

    async def _send_prepared(self, status: int, body: bytes) -> None:
        """Have the connection write a whole response; where it does not, send it in ASGI's two messages."""
        write: WriteResponse | None = self.scope.get(WRITE_RESPONSE_KEY)
        if write is not None and write(
            self.scope, status, _json_head(len(body), self.trace_id, is_tls=self._is_tls), body
        ):
            self.status = status
            return
        await self._forward({"type": "http.response.start", "status": status, "headers": _json_headers(len(body))})
        await self._forward({"type": "http.response.body", "body": body})

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


def _json_headers(length: int) -> RawHeaders:
    return ((b"content-length", b"%d" % length), _CONTENT_TYPE)


def _json_head(length: int, trace_id: str, *, is_tls: bool) -> bytes:
    """Return the head but for its first line and uvicorn's own headers."""
    return b"content-length: %d\r\n%bx-trace-id: %b\r\n\r\n" % (length, _CONSTANT[is_tls], trace_id.encode())
