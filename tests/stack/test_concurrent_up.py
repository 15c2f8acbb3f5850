"""Two concurrent `paidan up` share one stack."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from paidan_deploy.stack.lock import is_locked
from tests.polling import poll_blocking
from tests.servers import ServerAddresses
from tests.stack.paidan_command import TIMEOUT_S, PaidanCommand, command_with_home

pytestmark = pytest.mark.takes(seconds=30)


@pytest.fixture
def paidan(servers: ServerAddresses, topic_prefix: str, run_folder: Path) -> Iterator[PaidanCommand]:
    """Yield the command with a fresh home. Only its PostgreSQL, which dies, has to be its own."""
    with command_with_home(run_folder / "two-at-once", kafka=servers.kafka, topic_prefix=topic_prefix) as command:
        yield command


def test_second_concurrent_up_attaches_to_the_first(paidan: PaidanCommand) -> None:
    """The second's supervisor finds the lock taken, and must leave no trace of itself."""
    log = paidan.paths.log / "supervisor.log"
    supervisor = [sys.executable, "-m", "paidan_deploy.stack.supervisor"]
    with log.open("a") as stderr:
        first = subprocess.Popen(supervisor, env=paidan.environment, stderr=stderr)
    poll_blocking(lambda: is_locked(paidan.paths), within_s=30, what="the first one's lock")
    first.send_signal(signal.SIGSTOP)
    paidan.paths.state.unlink(missing_ok=True)  # as if it had not published a state yet
    second_log = paidan.paths.log / "second.log"
    with paidan.start("up", "--detach", output=second_log) as second:
        poll_blocking(lambda: "AlreadyRunningError" in log.read_text(), within_s=60, what="a second supervisor")
        first.send_signal(signal.SIGCONT)

        assert second.wait(TIMEOUT_S) == 0, second_log.read_text()
    assert paidan.state.supervisor.pid == first.pid

    dead = psutil.Process(paidan.pids()["postgres"])
    dead.kill()
    poll_blocking(lambda: paidan.pids()["postgres"] != dead.pid, within_s=60, what="a new PostgreSQL's pid")

    paidan("down")
    assert first.wait(30) == 0
    assert not is_locked(paidan.paths)
