"""Two `paidan up` at the same moment: one of them is first, and both have the one stack."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from paidan_deploy.stack.lock import is_kept
from tests.polling import poll_blocking
from tests.stack.paidan_command import PATIENCE_S, Command, at_home


@pytest.fixture
def paidan(run_folder: Path) -> Iterator[Command]:
    """Give the command before anything was ever up."""
    with at_home(run_folder / "two-at-once") as command:
        yield command


def test_an_up_that_comes_second_takes_the_first_one_s_stack_for_its_own(paidan: Command) -> None:
    """The second's supervisor finds the lock taken, and must leave no trace of itself."""
    log = paidan.home.log / "supervisor.log"
    supervisor = [sys.executable, "-m", "paidan_deploy.stack.supervisor"]
    with log.open("a") as said:
        first = subprocess.Popen(supervisor, env=paidan.environment, stderr=said)
    poll_blocking(lambda: is_kept(paidan.home), within_s=30, what="the first one's lock")
    first.send_signal(signal.SIGSTOP)
    paidan.home.state.unlink(missing_ok=True)  # as if it had not yet come to say what it does
    heard = paidan.home.log / "second.log"
    second = paidan.begin("up", "--detach", says=heard)
    poll_blocking(lambda: "AlreadyRunningError" in log.read_text(), within_s=60, what="a second supervisor")
    first.send_signal(signal.SIGCONT)

    assert second.wait(PATIENCE_S) == 0, heard.read_text()
    assert paidan.state.supervisor.pid == first.pid

    dead = psutil.Process(paidan.pids()["postgres"])
    dead.kill()
    poll_blocking(lambda: paidan.pids()["postgres"] != dead.pid, within_s=60, what="a new PostgreSQL, and its pid told")

    paidan("down")
    assert first.wait(30) == 0
    assert not is_kept(paidan.home)
