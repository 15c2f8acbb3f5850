"""The check that the local stack runs at an interval: one run at a time, its last result shown."""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from paidan_deploy.servers.process import ProcessIdentity
from paidan_deploy.stack.scheduled_check import ScheduledCheck
from tests.polling import poll_blocking

# Ends with whatever the file says, once there is one.
PROGRAM = """
import pathlib, sys, time
print("started", flush=True)
code = pathlib.Path(sys.argv[1])
while not code.exists():
    time.sleep(0.01)
sys.exit(int(code.read_text()))
"""


@pytest.fixture
def check(tmp_path: Path) -> Iterator[ScheduledCheck]:
    check = ScheduledCheck(
        argv=[sys.executable, "-c", PROGRAM, str(tmp_path / "code")],
        every_s=0.05,
        log=tmp_path / "log" / "verify.log",
        identity_file=tmp_path / "verify" / "process.json",
    )
    yield check
    check.stop()


def tick_until(check: ScheduledCheck, reached: Callable[[], bool], what: str) -> None:
    def ticked() -> bool:
        check.tick()
        return reached()

    poll_blocking(ticked, what=what)


def test_a_result_that_does_not_hold_is_shown_until_one_holds(check: ScheduledCheck, tmp_path: Path) -> None:
    (tmp_path / "code").write_text("1")
    tick_until(check, lambda: bool(check.note), "the note")

    assert str(check.log) in check.note
    assert "不成立" in check.note
    assert check.log.read_text().startswith("started")

    (tmp_path / "code").write_text("0")
    tick_until(check, lambda: not check.note, "no note")


def test_a_run_that_takes_longer_than_the_interval_is_alone_and_ends_with_the_stack(check: ScheduledCheck) -> None:
    tick_until(check, check.identity_file.exists, "the first run")
    first = ProcessIdentity.read(check.identity_file)
    assert first is not None
    due = check._due_at  # noqa: SLF001 - the moment from which a second run would be due
    assert due is not None

    tick_until(check, lambda: time.monotonic() > due + check.every_s, "another interval")
    assert ProcessIdentity.read(check.identity_file) == first

    check.stop()
    assert first.find() is None
    assert not check.identity_file.exists()


def test_without_an_interval_nothing_runs(check: ScheduledCheck) -> None:
    check.every_s = 0

    for _ in range(1000):
        check.tick()

    assert not check.log.exists()
