"""Structured logs on standard output: JSON lines, one canonical line a batch, floods limited, no payloads."""

import contextlib
import logging
import re
import sys
import time
from collections.abc import Hashable, MutableMapping
from typing import Any, Final, TextIO, TypeAlias, cast

import structlog

from paidan_chassis.observability import redaction

Log: TypeAlias = structlog.typing.FilteringBoundLogger

_A_FEW: Final = 5
_EVERY_S: Final = 10.0
_KINDS: Final = 1000
# Libraries whose chatter says nothing that our own lines do not say better.
_QUIET: Final = {"uvicorn.access": logging.ERROR, "uvicorn.error": logging.WARNING, "faststream": logging.WARNING}


def configure(service: str, level: str, *, out: TextIO | None = None) -> None:
    """Send structlog's and every library's lines to standard output as JSON, with ``service`` bound.

    Lines of libraries (aiokafka, FastStream, uvicorn...) that repeat are limited: a few of a kind
    every ten seconds; the next one says how many were left out. Our own lines are never left out.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    common = _common(service)
    structlog.configure(
        processors=[*common, structlog.processors.JSONRenderer(ensure_ascii=False)],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", _Patient(out or sys.stdout))),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(out or sys.stdout)
    handler.addFilter(Flood())
    handler.setFormatter(_foreign(common))
    logging.basicConfig(handlers=[handler], level=max(number, logging.INFO), force=True)
    _take_over_loggers()
    logging.captureWarnings(capture=True)
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(max(least, number))


class _Patient:
    """Loses a line that cannot be written, as on a full disk: a report is not to be lost for its sake."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            self._out.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._out.flush()


def _take_over_loggers() -> None:
    # FastStream gives its loggers handlers of their own on import, which write messages as they please.
    for name in list(logging.root.manager.loggerDict):
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True


def logger(**bound: object) -> Log:
    """Give a logger with these keys bound (topic, partition, loop...). Event names are past-tense snake_case."""
    return structlog.get_logger(**bound)  # type: ignore[no-any-return]


def batch_line(log: Log, event: str, *, started: float, **counts: int) -> None:
    """Write the one canonical line of a batch: its counts and ``took_ms`` since ``started`` (time.perf_counter).

    Call it after the commit. Counts of nought are left out; a batch of nothing writes nothing.
    """
    told = {name: n for name, n in counts.items() if n}
    if told:
        log.info(event, **told, took_ms=round((time.perf_counter() - started) * 1000, 1))


class Sieve:
    """Lets a few lines of a kind through in every ten seconds."""

    def __init__(self, a_few: int) -> None:
        self._a_few = a_few
        self._seen: dict[Hashable, tuple[float, int]] = {}

    @property
    def kinds(self) -> int:
        """Tell how many kinds are remembered."""
        return len(self._seen)

    def passes(self, kind: Hashable, now: float) -> int | None:
        """Tell how many lines of this kind were left out before this one; None when it is to be left out, too."""
        began, n = self._seen.get(kind, (now, 0))
        left_out = 0
        if now - began > _EVERY_S:
            left_out, began, n = max(n - self._a_few, 0), now, 0
        if len(self._seen) >= _KINDS:
            self._seen.clear()
        self._seen[kind] = (began, n + 1)
        return left_out if n < self._a_few else None


class Flood(logging.Filter):
    """Keeps libraries from writing the same line without end. Kinds differ in words, not in numbers."""

    def __init__(self) -> None:
        super().__init__()
        self._sieve = Sieve(_A_FEW)

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether this line passes; the first after a flood carries ``left_out``."""
        kind = (record.name, record.levelno, re.sub(r"\d+", "#", str(record.msg)[:200]))
        left_out = self._sieve.passes(kind, record.created)
        if left_out:
            record.left_out = left_out
        return left_out is not None


def _common(service: str) -> list[Any]:
    def bind_service(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return {"service": service, **event}

    return [
        bind_service,
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        redaction.tell_error,
    ]


def _foreign(common: list[Any]) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.add_logger_name, structlog.stdlib.ExtraAdder(["left_out"]), *common],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            redaction.mask_event,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )
