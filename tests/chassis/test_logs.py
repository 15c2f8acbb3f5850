"""What reaches standard output: JSON lines, no flood, and nothing that people sent us."""

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

from paidan_chassis.errors import ChassisError
from paidan_chassis.observability import logs, redaction

PHONE = "13812345678"


class Output(io.StringIO):
    """Standard output as an operator sees it."""

    def lines(self) -> list[dict[str, Any]]:
        """Read what was logged since the last look."""
        read = [json.loads(line) for line in self.getvalue().splitlines()]
        self.seek(0)
        self.truncate()
        return read


@pytest.fixture(autouse=True)
def out() -> Iterator[Output]:
    """Catch the lines, and give logging back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()  # or they would be closed
    caught = Output()
    logs.configure("library", "info", out=caught)
    yield caught
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()
    root.handlers[:], root.level = handlers, level


def test_a_line_that_cannot_be_written_is_lost_and_the_work_goes_on() -> None:
    """A service that ended for the sake of its log would take no report until somebody made room."""
    with open("/dev/full", "w", buffering=1) as full:  # noqa: PTH123 - the device that is always full
        logs.configure("tester", "INFO", out=full)
        try:
            for _ in range(1_000):
                logs.logger().info("report_taken", text="long enough to fill a buffer" * 10)
        finally:
            with contextlib.suppress(OSError):
                full.close()


def test_a_line_of_ours_is_flat_json(out: Output) -> None:
    logs.logger(loop="inbox").info("loans_taken_in", records=3)

    (line,) = out.lines()

    assert line.pop("timestamp").endswith("Z")
    assert line == {"service": "library", "loop": "inbox", "event": "loans_taken_in", "level": "info", "records": 3}


def test_a_batch_is_one_line_with_its_counts(out: Output) -> None:
    logs.batch_line(logs.logger(), "loans_taken_in", started=time.perf_counter() - 0.05, records=3, refused=0)

    (line,) = out.lines()

    assert line["records"] == 3
    assert line["took_ms"] >= 50
    assert "refused" not in line


def test_a_batch_of_nothing_says_nothing(out: Output) -> None:
    logs.batch_line(logs.logger(), "loans_taken_in", started=time.perf_counter(), records=0)

    assert out.lines() == []


def test_a_librarys_flood_is_cut_and_counted(out: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    """aiokafka writes thousands of lines in an outage, and a full disk would be the second outage."""
    aiokafka = logging.getLogger("aiokafka.conn")
    for node in range(1000):
        aiokafka.error("Unable connect to node with id %s", node)
    during = out.lines()

    later = time.time() + 60
    monkeypatch.setattr("time.time", lambda: later)
    aiokafka.error("Unable connect to node with id %s", 7)

    assert len(during) == 5
    assert [line["left_out"] for line in out.lines()] == [995]


def test_a_library_with_a_handler_of_its_own_writes_through_us_alone(out: Output) -> None:
    """FastStream comes with one, which writes errors with the values they quote."""
    past_us = io.StringIO()
    library = logging.getLogger("a_library")
    library.addHandler(logging.StreamHandler(past_us))
    library.propagate = False

    logs.configure("library", "info", out=out)
    library.error("failed")

    assert past_us.getvalue() == ""
    assert [line["event"] for line in out.lines()] == ["failed"]


def test_numbers_in_the_words_do_not_make_another_kind(out: Output) -> None:
    for node in range(100):
        logging.getLogger("aiokafka").warning(f"Node {node} is away")  # noqa: G004 - as libraries do

    assert len(out.lines()) == 5


def test_other_words_pass_during_a_flood(out: Output) -> None:
    for _ in range(100):
        logging.getLogger("aiokafka").warning("Node is away")
    logging.getLogger("aiokafka").warning("Group has left")

    assert out.lines()[-1]["event"] == "Group has left"


def test_our_own_lines_are_never_left_out(out: Output) -> None:
    """Each refused record has its line."""
    for offset in range(100):
        logs.logger().warning("record_refused", offset=offset)

    assert len(out.lines()) == 100


class Borrower(BaseModel):
    """Something with a resident's number in it."""

    age: int


def of_server(sqlstate: str, message: str, detail: str = "") -> BaseException:
    """Make an error as asyncpg makes it of what the server sent."""
    return asyncpg.PostgresError.new({"C": sqlstate, "M": message, "D": detail})


def errors() -> Iterator[BaseException]:
    """Make one error of each library that quotes what it got."""
    try:
        Borrower.model_validate_json(f'{{"age": "{PHONE}x"}}')
    except ValidationError as error:
        yield error
    yield asyncpg.DataError(f"invalid input for query argument $1: '{PHONE}' (an integer is required)")
    yield of_server("22P02", f'invalid input syntax for type integer: "张三 {PHONE}"')
    yield of_server("23505", "duplicate key value violates a constraint", detail=f"Key (phone)=({PHONE}) exists.")
    yield ValueError(f"invalid literal for int() with base 10: '{PHONE}x'")
    yield KeyError("张三")
    yield ExceptionGroup("several", [ValueError(f"'{PHONE}'")])


@pytest.mark.parametrize("error", list(errors()), ids=lambda error: type(error).__name__)
def test_an_error_is_told_without_the_value_it_dislikes(out: Output, error: BaseException) -> None:
    logs.logger().error("batch_failed", exc_info=error)
    logging.getLogger("faststream").error("failed", exc_info=error)

    told = out.lines()

    assert len(told) == 2
    assert all(type(error).__name__ in line["trace"] for line in told)
    assert PHONE not in str(told)
    assert "张三" not in str(told)


def test_a_trace_names_every_cause() -> None:
    def shelve() -> None:
        try:
            socket.create_connection(("127.0.0.1", 1))
        except ConnectionRefusedError as error:
            raise ChassisError("the shelf is away") from error

    with pytest.raises(ChassisError) as raised:
        shelve()

    told = redaction.trace(raised.value)
    assert "ConnectionRefusedError" in told
    assert told.endswith("ChassisError: the shelf is away")
    assert "in shelve" in told


def test_a_librarys_words_lose_long_numbers(out: Output) -> None:
    logging.getLogger("asyncio").error(f"Task exception was never retrieved: {PHONE}")  # noqa: G004 - as libraries do

    assert PHONE not in out.getvalue()


def test_a_sieve_forgets_old_kinds_before_they_fill_the_memory(out: Output) -> None:
    sieve = logs.Sieve(1)

    for kind in range(5000):
        sieve.passes(kind, now=float(kind))

    assert sieve.kinds <= 1000
