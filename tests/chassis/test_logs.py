"""Logs on standard output: JSON lines, rate-limited, without values that users sent."""

import contextlib
import io
import json
import logging
import socket
import time
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest
import structlog
from pydantic import BaseModel, ValidationError

from paidan_chassis.consumer.batch_runner import log_batch
from paidan_chassis.errors import ChassisError
from paidan_chassis.observability import logs, redaction

PHONE = "13812345678"


class CapturedOutput(io.StringIO):
    """Standard output as an operator sees it."""

    def lines(self) -> list[dict[str, Any]]:
        """Return the lines logged since the last call."""
        read = [json.loads(line) for line in self.getvalue().splitlines()]
        self.seek(0)
        self.truncate()
        return read


@pytest.fixture(autouse=True)
def captured() -> Iterator[CapturedOutput]:
    """Capture log lines, and restore the configuration of logging afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()  # or they would be closed
    caught = CapturedOutput()
    logs.configure("library", "info", out=caught)
    yield caught
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()
    root.handlers[:], root.level = handlers, level


def test_write_error_drops_the_line_and_does_not_raise() -> None:
    """A service that ended because of its log would accept no report until the disk is cleaned up."""
    with open("/dev/full", "w", buffering=1) as full:  # noqa: PTH123 - the device that is always full
        logs.configure("tester", "INFO", out=full)
        try:
            for _ in range(1_000):
                logs.get_logger().info("report_taken", text="long enough to fill a buffer" * 10)
        finally:
            with contextlib.suppress(OSError):
                full.close()


def test_log_line_is_flat_json(captured: CapturedOutput) -> None:
    logs.get_logger(loop="inbox").info("loans_taken_in", records=3)

    (line,) = captured.lines()

    assert line.pop("timestamp").endswith("Z")
    assert line == {"service": "library", "loop": "inbox", "event": "loans_taken_in", "level": "info", "records": 3}


def test_batch_is_logged_as_one_line(captured: CapturedOutput) -> None:
    log_batch(logs.get_logger(), "loans_taken_in", duration_s=0.05, records=3, refused=0)

    (line,) = captured.lines()

    assert line["records"] == 3
    assert line["took_ms"] == 50
    assert "refused" not in line


def test_empty_batch_is_not_logged(captured: CapturedOutput) -> None:
    log_batch(logs.get_logger(), "loans_taken_in", duration_s=0.05, records=0)

    assert captured.lines() == []


def test_library_log_flood_is_throttled_and_counted(captured: CapturedOutput, monkeypatch: pytest.MonkeyPatch) -> None:
    """aiokafka writes thousands of lines in an outage, and a full disk would be the second outage."""
    aiokafka = logging.getLogger("aiokafka.conn")
    for node in range(1000):
        aiokafka.error("Unable connect to node with id %s", node)
    during = captured.lines()

    later = time.time() + 60
    monkeypatch.setattr("time.time", lambda: later)
    aiokafka.error("Unable connect to node with id %s", 7)

    assert len(during) == 5
    assert [line["left_out"] for line in captured.lines()] == [995]


def test_library_handlers_are_replaced(captured: CapturedOutput) -> None:
    """FastStream comes with one, which writes errors with the values they quote."""
    past_us = io.StringIO()
    library = logging.getLogger("a_library")
    library.addHandler(logging.StreamHandler(past_us))
    library.propagate = False

    logs.configure("library", "info", out=captured)
    library.error("failed")

    assert past_us.getvalue() == ""
    assert [line["event"] for line in captured.lines()] == ["failed"]


def test_throttle_ignores_numbers_in_messages(captured: CapturedOutput) -> None:
    for node in range(100):
        logging.getLogger("aiokafka").warning(f"Node {node} is away")  # noqa: G004 - as libraries do

    assert len(captured.lines()) == 5


def test_other_messages_pass_during_a_flood(captured: CapturedOutput) -> None:
    for _ in range(100):
        logging.getLogger("aiokafka").warning("Node is away")
    logging.getLogger("aiokafka").warning("Group has left")

    assert captured.lines()[-1]["event"] == "Group has left"


def test_own_log_lines_are_never_throttled(captured: CapturedOutput) -> None:
    """Each refused record must have its line."""
    for offset in range(100):
        logs.get_logger().warning("record_refused", offset=offset)

    assert len(captured.lines()) == 100


class LoanForm(BaseModel):
    """Something with a resident's number in it."""

    age: int


def server_error(sqlstate: str, message: str, detail: str = "") -> BaseException:
    """Return an error as asyncpg builds it from a server's response."""
    return asyncpg.PostgresError.new({"C": sqlstate, "M": message, "D": detail})


def sample_errors() -> Iterator[BaseException]:
    """Return an error of each library that quotes its input."""
    try:
        LoanForm.model_validate_json(f'{{"age": "{PHONE}x"}}')
    except ValidationError as error:
        yield error
    yield asyncpg.DataError(f"invalid input for query argument $1: '{PHONE}' (an integer is required)")
    yield server_error("22P02", f'invalid input syntax for type integer: "张三 {PHONE}"')
    yield server_error("23505", "duplicate key value violates a constraint", detail=f"Key (phone)=({PHONE}) exists.")
    yield ValueError(f"invalid literal for int() with base 10: '{PHONE}x'")
    yield KeyError("张三")
    yield ExceptionGroup("several", [ValueError(f"'{PHONE}'")])


@pytest.mark.parametrize("error", list(sample_errors()), ids=lambda error: type(error).__name__)
def test_error_is_logged_without_user_values(captured: CapturedOutput, error: BaseException) -> None:
    logs.get_logger().error("batch_failed", exc_info=error)
    logging.getLogger("faststream").error("failed", exc_info=error)

    asked_at = captured.lines()

    assert len(asked_at) == 2
    assert all(type(error).__name__ in line["trace"] for line in asked_at)
    assert PHONE not in str(asked_at)
    assert "张三" not in str(asked_at)


def test_traceback_names_every_cause() -> None:
    def shelve() -> None:
        try:
            socket.create_connection(("127.0.0.1", 1))
        except ConnectionRefusedError as error:
            raise ChassisError("the shelf is away") from error

    with pytest.raises(ChassisError) as raised:
        shelve()

    asked_at = redaction.format_error(raised.value)
    assert "ConnectionRefusedError" in asked_at
    assert asked_at.endswith("ChassisError: the shelf is away")
    assert "in shelve" in asked_at


def test_long_numbers_are_redacted_in_library_messages(captured: CapturedOutput) -> None:
    logging.getLogger("asyncio").error(f"Task exception was never retrieved: {PHONE}")  # noqa: G004 - as libraries do

    assert PHONE not in captured.getvalue()


def test_throttle_memory_is_bounded(captured: CapturedOutput) -> None:
    sieve = logs.LogThrottle(1)

    for kind in range(5000):
        sieve.admit(kind, now=float(kind))

    assert sieve.kinds <= 1000
