"""Structured logs on standard output: JSON lines, one canonical line a batch, floods limited, no payloads."""

from typing import TypeAlias

import structlog

Log: TypeAlias = structlog.typing.FilteringBoundLogger


def configure(service: str, level: str) -> None:
    """Send structlog's and every library's lines to standard output as JSON, with ``service`` bound.

    Lines of libraries (aiokafka, FastStream, uvicorn...) that repeat are limited: a few of a kind
    every ten seconds, then one that says how many were left out. Our own lines are never left out.
    """
    raise NotImplementedError


def logger(**bound: object) -> Log:
    """Give a logger with these keys bound (topic, partition, loop...). Event names are past-tense snake_case."""
    return structlog.get_logger(**bound)  # type: ignore[no-any-return]


def batch_line(log: Log, event: str, *, started: float, **counts: int) -> None:
    """Write the one canonical line of a batch: its counts and ``took_ms`` since ``started`` (time.perf_counter).

    Call it after the commit. Counts of nought are left out; a batch of nothing writes nothing.
    """
    raise NotImplementedError
