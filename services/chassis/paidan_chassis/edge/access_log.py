"""The access log: a line for each request, without repeated failures. No body, no query, no path with an id."""

import time
from typing import Final, Protocol

from paidan_chassis.observability.logs import Logger, LogThrottle, get_logger

_BURST: Final = 50


class AnsweredRequest(Protocol):
    """What the log knows of a request."""

    @property
    def method(self) -> str: ...
    @property
    def route(self) -> str: ...
    @property
    def status(self) -> int: ...
    @property
    def trace_id(self) -> str: ...


class AccessLog:
    """Logs answered requests: ``failed`` ones, ``all`` or ``none``."""

    def __init__(self, mode: str) -> None:
        self.logs_all = mode == "all"
        self._logs_failed = mode == "failed"
        self._log: Logger = get_logger()
        self._throttle = LogThrottle(_BURST)

    def record(self, request: AnsweredRequest, duration_s: float) -> None:
        """Log a request, if the mode has it; a client that repeats bad requests must not fill the disk."""
        if self.logs_all:
            self._write(request, duration_s)
        elif self._logs_failed and request.status >= 400:
            suppressed = self._throttle.admit((request.route, request.status), time.monotonic())
            if suppressed is not None:
                self._write(request, duration_s, suppressed=suppressed)

    def _write(self, request: AnsweredRequest, duration_s: float, *, suppressed: int = 0) -> None:
        self._log.info(
            "request_answered",
            method=request.method,
            route=request.route,
            status=request.status,
            took_ms=round(duration_s * 1000, 1),
            trace_id=request.trace_id,
            **({"left_out": suppressed} if suppressed else {}),
        )
