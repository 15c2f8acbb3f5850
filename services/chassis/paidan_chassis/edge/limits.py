"""Limits on HTTP/1.1 connections, enforced before a route gets the request; uvicorn itself has none of them."""

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from paidan_chassis.edge import problems
from paidan_chassis.edge.joined_writes import JoinedWrites
from paidan_chassis.edge.problems import Problem
from paidan_chassis.edge.security_headers import DEFAULT_HEADERS


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """The largest request head, the slowest sender, and the most connections at once."""

    head_bytes: int = 32_768
    header_lines: int = 100
    head_within_s: float = 10.0
    """From the connection's start, or from the first byte of a later request, to the end of its headers."""
    stalled_after_s: float = 10.0
    """In this time ``least_body_bytes`` of a body must arrive, or its end."""
    least_body_bytes: int = 10_000
    body_within_s: float = 300.0
    """From a body's start to its end, at whatever pace."""
    unread_after_s: float = 30.0
    """In this time a peer must read some of a waiting response."""
    connections: int = 800
    """Below the 1,024 open files that a process has by default: connections to our own servers need some."""


DEFAULT_LIMITS: Final = ConnectionLimits()
_MALFORMED: Final = Problem(400, "invalid", "the request could not be read", "请求无法读取")
_INVALID_HOST: Final = Problem(
    400, "invalid", "the header Host is required, once", "须有且仅有一个 Host 请求头", "Host"
)
_HOST: Final = re.compile(rb"[A-Za-z0-9._~!$&'()*+,;=:%\[\]-]+")
_TOO_SLOW: Final = Problem(408, "too_slow", "the request took too long", "请求超时")


def find_ambiguity(version: str, headers: Iterable[tuple[bytes, bytes]]) -> Problem | None:
    """Return the refusal of a head that another server might read as another request.

    A request without a Host, or with two, is for whichever host the next server believes; a chunked body of HTTP/1.0,
    or one of another coding, ends for one server where it goes on for the next.
    """
    hosts, is_chunked, is_coded = [], False, False
    for name, value in headers:
        if name == b"host":
            hosts.append(value)
        elif name == b"transfer-encoding":
            is_chunked, is_coded = True, value.strip().lower() != b"chunked"
    if version not in ("1.1", "1.0") or is_coded or (is_chunked and version == "1.0"):
        return _MALFORMED
    if len(hosts) > 1 or (not hosts and version == "1.1") or not all(map(_HOST.fullmatch, hosts)):
        return _INVALID_HOST
    return None


class LimitedConnection(HttpToolsProtocol):
    """An HTTP/1.1 connection under limits. A request that arrives in one piece needs no timer."""

    limits: ClassVar[ConnectionLimits] = DEFAULT_LIMITS

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Accept the connection, or answer 503 if there are too many."""
        super().connection_made(JoinedWrites(transport, self.loop))  # type: ignore[arg-type] # all that uvicorn uses
        self._in_head = True
        self._bytes_received = 0
        self._bytes_since_body = 0
        self._refusal: Problem | None = None
        self._body_due_at = 0.0
        self._read_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        if len(self.connections) > self.limits.connections:
            self._refuse(problems.unavailable())
        else:
            self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the connection's timers."""
        self._cancel_timer()
        if self._write_timer is not None:
            self._write_timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse data, and enforce the limits while a head or a body is incomplete."""
        self._bytes_received += len(data)
        self._bytes_since_body += len(data)
        super().data_received(data)
        if (
            self._in_head
            and self._bytes_received == 0
            and self._read_timer is None
            and not self.cycle.response_complete
        ):
            return  # a complete request, as nearly all are
        if self._is_oversized():
            self._refuse(self._head_too_large())
        elif not self.transport.is_closing():
            self._start_timer()

    def on_headers_complete(self) -> None:
        """Reject a head that is too large, before a task is created for the request."""
        # The received bytes include the whole head and perhaps some body: only many bytes have to be examined.
        head_bytes = self._head_bytes() if self._bytes_received > self.limits.head_bytes else 0
        if len(self.headers) > self.limits.header_lines or head_bytes > self.limits.head_bytes:
            self._refusal = self._head_too_large()
        else:
            self._refusal = find_ambiguity(self.parser.get_http_version(), self.headers)
        if self._refusal is not None:
            raise ValueError(self._refusal.code)  # the parser stops, and uvicorn calls send_400_response
        super().on_headers_complete()
        self._in_head = False
        self._bytes_received = 0
        self._body_due_at = 0.0
        if self._read_timer is not None:
            self._cancel_timer()  # the body has its own timer

    def on_body(self, body: bytes) -> None:
        """Restart the count of bytes that belong to no body."""
        self._bytes_since_body = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Prepare for the next request's head."""
        self._in_head = True
        self._bytes_received = 0
        self._bytes_since_body = 0
        if self._read_timer is not None:
            self._cancel_timer()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer in our error format; uvicorn would answer in plain text."""
        self._refuse(self._refusal or _MALFORMED)

    def pause_writing(self) -> None:
        """Start the timer that ends a connection whose peer does not read the response."""
        super().pause_writing()
        self._write_timer = self.loop.call_later(self.limits.unread_after_s, self.transport.abort)

    def resume_writing(self) -> None:
        """Cancel that timer, because the peer reads again."""
        super().resume_writing()
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    @property
    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _head_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _is_oversized(self) -> bool:
        if self._in_head:
            return self._bytes_received > self.limits.head_bytes
        # Trailers are headers, too; bytes that are no body belong to them or to a chunk's extension.
        return len(self.headers) > self.limits.header_lines or self._bytes_since_body > self.limits.head_bytes

    def _start_timer(self) -> None:
        # While we answer, no data of the peer is due; after that uvicorn's own timer waits for the next request.
        due = not self._in_head or not self._is_answering
        if due and self._read_timer is None:
            within_s = self.limits.head_within_s if self._in_head else self.limits.stalled_after_s
            if not self._in_head and not self._body_due_at:
                self._body_due_at = self.loop.time() + self.limits.body_within_s
            self._read_timer = self.loop.call_later(within_s, self._on_timeout)

    def _cancel_timer(self) -> None:
        if self._read_timer is not None:
            self._read_timer.cancel()
            self._read_timer = None

    def _on_timeout(self) -> None:
        self._read_timer = None
        if self._in_head:
            self._close() if self._bytes_received == 0 else self._refuse(_TOO_SLOW)
        elif self.cycle.response_complete:
            self._close()  # it is answered already, and its body still arrives
        elif self.loop.time() < self._body_due_at and (
            self._bytes_received >= self.limits.least_body_bytes
            or self.flow.read_paused
            or self.cycle.waiting_for_100_continue
        ):
            self._bytes_received = 0
            self._start_timer()
        else:
            self._refuse(_TOO_SLOW)

    def _head_too_large(self) -> Problem:
        most = f"{self.limits.header_lines} headers and {self.limits.head_bytes} bytes"
        most_zh = f"请求头不得超过 {self.limits.header_lines} 项、{self.limits.head_bytes} 字节"
        return Problem(431, "too_large", f"the request's head may have {most} at most", most_zh)

    def _refuse(self, problem: Problem) -> None:
        if self.transport.is_closing():
            return
        self.logger.warning("rejected a request before routing: %s", problem.status)
        self._count(problem.status)
        if self._in_head and self._is_answering:
            # The previous request was valid: it is answered, and nothing is read after it.
            self.cycle.keep_alive = False
            self.flow.pause_reading()
            return
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self._write(problem)
        self._close()

    def _count(self, status: int) -> None:
        keys = getattr(getattr(self.config.app, "state", None), "keys", None)
        if keys is not None:
            address = self.client[0] if self.client else ""
            keys.recorder.count_refusal(key_id="", address=address, route="before routing", status=status)

    def _write(self, problem: Problem) -> None:
        response = problem.response()
        defaults = (*self.server_state.default_headers, *DEFAULT_HEADERS)
        headers = [*defaults, *response.raw_headers, (b"connection", b"close")]
        lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
        self.transport.write(STATUS_LINE[problem.status] + lines + b"\r\n" + bytes(response.body))

    def _close(self) -> None:
        if self._is_answering:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()
