"""Structured logs on standard output: JSON lines, libraries' lines rate-limited, no payloads."""

import contextlib
import logging
import re
import sys
from collections.abc import Hashable, MutableMapping
from typing import Any, Final, TextIO, TypeAlias, cast

import structlog

from paidan_chassis.observability import redaction

Logger: TypeAlias = structlog.typing.FilteringBoundLogger

_BURST: Final = 5
_WINDOW_S: Final = 10.0
_MAX_KINDS: Final = 1000
# Libraries whose lines add nothing to our own.
_LIBRARY_LEVELS: Final = {
    "uvicorn.access": logging.ERROR,
    "uvicorn.error": logging.WARNING,
    "faststream": logging.WARNING,
}


def configure(service: str, level: str, *, out: TextIO | None = None) -> None:
    """Write structlog's and every library's lines to standard output as JSON, with ``service`` bound.

    Repeated lines of libraries (aiokafka, FastStream, uvicorn...) are limited to a few of a kind every ten seconds; the
    next one has the number of suppressed ones as ``left_out``. Our own lines are never suppressed.
    """
    level_number = logging.getLevelNamesMapping()[level.upper()]
    shared_processors = _shared_processors(service)
    structlog.configure(
        processors=[*shared_processors, structlog.processors.JSONRenderer(ensure_ascii=False)],
        wrapper_class=structlog.make_filtering_bound_logger(level_number),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", _LossyStream(out or sys.stdout))),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(out or sys.stdout)
    handler.addFilter(ThrottleFilter())
    handler.setFormatter(_library_formatter(shared_processors))
    logging.basicConfig(handlers=[handler], level=max(level_number, logging.INFO), force=True)
    _reset_library_loggers()
    logging.captureWarnings(capture=True)
    for name, minimum in _LIBRARY_LEVELS.items():
        logging.getLogger(name).setLevel(max(minimum, level_number))


class _LossyStream:
    """A stream that drops lines which cannot be written, as on a full disk, so that logging fails no request."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            self._out.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._out.flush()


def _reset_library_loggers() -> None:
    # FastStream adds handlers with a format of their own to its loggers on import.
    for name in list(logging.root.manager.loggerDict):
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True


def get_logger(**bound: object) -> Logger:
    """Return a logger with these keys bound (topic, partition, loop...). Event names are past-tense snake_case."""
    return structlog.get_logger(**bound)  # type: ignore[no-any-return]


class LogThrottle:
    """Admits a few lines of each kind every ten seconds."""

    def __init__(self, burst: int) -> None:
        self._burst = burst
        self._windows: dict[Hashable, tuple[float, int]] = {}

    @property
    def kinds(self) -> int:
        """Return the number of kinds in memory."""
        return len(self._windows)

    def admit(self, kind: Hashable, now: float) -> int | None:
        """Return how many lines of this kind were suppressed before this one; None if this one is to be suppressed."""
        window_start, count = self._windows.get(kind, (now, 0))
        suppressed = 0
        if now - window_start > _WINDOW_S:
            suppressed, window_start, count = max(count - self._burst, 0), now, 0
        if len(self._windows) >= _MAX_KINDS:
            self._windows.clear()
        self._windows[kind] = (window_start, count + 1)
        return suppressed if count < self._burst else None


class ThrottleFilter(logging.Filter):
    """Rate-limits the lines of libraries. Lines that differ only in digits are of one kind."""

    def __init__(self) -> None:
        super().__init__()
        self._throttle = LogThrottle(_BURST)

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to write a line; the first after suppressed ones gets ``left_out``."""
        kind = (record.name, record.levelno, re.sub(r"\d+", "#", str(record.msg)[:200]))
        suppressed = self._throttle.admit(kind, record.created)
        if suppressed:
            record.left_out = suppressed
        return suppressed is not None


def _shared_processors(service: str) -> list[Any]:
    def bind_service(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return {"service": service, **event}

    return [
        bind_service,
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        redaction.render_exc_info,
    ]


def _library_formatter(shared_processors: list[Any]) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(["left_out"]),
            *shared_processors,
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            redaction.redact_event,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )
