"""Limits on one HTTP/1.1 connection, before any route sees a request; uvicorn itself sets none of them."""

import asyncio
from dataclasses import dataclass
from typing import ClassVar, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from paidan_chassis.edge import problems
from paidan_chassis.edge.problems import Problem


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a request's head may be, how slow its sender, and how many may be connected at once."""

    head_bytes: int = 32_768
    header_lines: int = 100
    head_within_s: float = 10.0
    """From the connection's start, or from the first byte of a later request, to the end of its headers."""
    stalled_after_s: float = 30.0
    """In so long at least ``least_body_bytes`` of a body must come, and an answer that waits must be read on."""
    least_body_bytes: int = 1_000
    connections: int = 800
    """Below the 1,024 open files that a process has by default: our own servers need some of them."""


DEFAULT: Final = Limits()
_UNREADABLE: Final = Problem(400, "invalid", "the request could not be read", "请求无法读取")
_TOO_SLOW: Final = Problem(408, "too_slow", "the request took too long", "请求超时")


def limited(limits: Limits) -> type[HttpToolsProtocol]:
    """Return uvicorn's protocol under these limits."""

    class Limited(LimitedConnection):
        pass

    Limited.limits = limits
    return Limited


class LimitedConnection(HttpToolsProtocol):
    """Costs a request no timer of its own when its head, or its head and body, come at once."""

    limits: ClassVar[Limits] = DEFAULT

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Answer 503 at once when too many are connected."""
        super().connection_made(transport)
        self._in_head = True
        self._fed = 0
        self._without_body = 0
        self._refusal: Problem | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        if len(self.connections) > self.limits.connections:
            self._refuse(problems.unavailable())
        else:
            self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection's timers."""
        self._unwatch()
        if self._unread is not None:
            self._unread.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what comes while a head or a body is due."""
        self._fed += len(data)
        self._without_body += len(data)
        super().data_received(data)
        if self._in_head and self._fed == 0 and self._timer is None and not self.cycle.response_complete:
            return  # a whole request, as nearly all are: nothing is due
        if self._is_oversized():
            self._refuse(self._head_too_large())
        elif not self.transport.is_closing():
            self._watch()

    def on_headers_complete(self) -> None:
        """Refuse a head that is too large, before a task is made of it."""
        # What was fed holds the whole head, and perhaps some body: only a large piece has to be looked at.
        of_head = self._head_bytes() if self._fed > self.limits.head_bytes else 0
        if len(self.headers) > self.limits.header_lines or of_head > self.limits.head_bytes:
            self._refusal = self._head_too_large()
            raise ValueError(self._refusal.code)  # the parser stops, and uvicorn asks for the answer
        super().on_headers_complete()
        self._in_head = False
        self._fed = 0
        if self._timer is not None:
            self._unwatch()  # a body has a time of its own

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._without_body = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Expect the next head."""
        self._in_head = True
        self._fed = 0
        if self._timer is not None:
            self._unwatch()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer in the one shape of errors what uvicorn would answer in plain text."""
        self._refuse(self._refusal or _UNREADABLE)

    def pause_writing(self) -> None:
        """Give up on a peer that does not read its answer."""
        super().pause_writing()
        self._unread = self.loop.call_later(self.limits.stalled_after_s, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on writing."""
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    @property
    def _answers(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _head_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _is_oversized(self) -> bool:
        if self._in_head:
            return self._fed > self.limits.head_bytes
        # Trailers are headers, too; where no body comes and bytes do, they or a chunk's extension grow.
        return len(self.headers) > self.limits.header_lines or self._without_body > self.limits.head_bytes

    def _watch(self) -> None:
        # While we answer, nothing is due from the peer; after that uvicorn's own timer waits for the next request.
        due = not self._in_head or not self._answers
        if due and self._timer is None:
            within_s = self.limits.head_within_s if self._in_head else self.limits.stalled_after_s
            self._timer = self.loop.call_later(within_s, self._look)

    def _unwatch(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        if self._in_head:
            self._close() if self._fed == 0 else self._refuse(_TOO_SLOW)
        elif self.cycle.response_complete:
            self._close()  # it was answered long ago, and still sends
        elif self._fed >= self.limits.least_body_bytes or self.flow.read_paused or self.cycle.waiting_for_100_continue:
            self._fed = 0
            self._watch()
        else:
            self._refuse(_TOO_SLOW)

    def _head_too_large(self) -> Problem:
        most = f"{self.limits.header_lines} headers and {self.limits.head_bytes} bytes"
        most_zh = f"请求头不得超过 {self.limits.header_lines} 项、{self.limits.head_bytes} 字节"
        return Problem(431, "too_large", f"the request's head may have {most} at most", most_zh)

    def _refuse(self, problem: Problem) -> None:
        if self.transport.is_closing():
            return
        self.logger.warning("refused a request that no route saw: %s", problem.status)
        if self._in_head and self._answers:
            # The request before this one was a good one: it gets its answer, and nothing is read after it.
            self.cycle.keep_alive = False
            self.flow.pause_reading()
            return
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self._write(problem)
        self._close()

    def _write(self, problem: Problem) -> None:
        response = problem.response()
        headers = [*self.server_state.default_headers, *response.raw_headers, (b"connection", b"close")]
        lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
        self.transport.write(STATUS_LINE[problem.status] + lines + b"\r\n" + bytes(response.body))

    def _close(self) -> None:
        if self._answers:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()
