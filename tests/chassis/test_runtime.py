"""A process starts completely, stops in order, and never keeps serving after a part of it has ended."""

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from tests import fork_server, vault
from tests.chassis.sample_process import SampleProcess, StartProcess
from tests.polling import poll_blocking

pytestmark = pytest.mark.takes(seconds=20)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[StartProcess]:
    """Start services that do not outlive the test."""
    started: list[SampleProcess] = []

    def one(*arguments: str, **settings: str) -> SampleProcess:
        needed = {"kafka": "nowhere:1", "database": "postgresql://nowhere", "port": "0", "stop_within_s": "3"}
        needed["vault_key"] = vault.KEY
        variables = {f"LIBRARY_{name}".upper(): value for name, value in (needed | settings).items()}
        out, err = tmp_path / f"out-{len(started)}", tmp_path / f"err-{len(started)}"
        for each in (out, err):
            each.touch()
        running = fork_server.start(
            "tests.chassis.sample_service", *arguments, environment=os.environ | variables, out=out, err=err
        )
        started.append(SampleProcess(running, out, err))
        return started[-1]

    yield one
    for each in started:
        each.process.kill()
        each.process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_sigterm_stops_in_order(start: StartProcess, number: signal.Signals) -> None:
    """The loops finish first, then what they use is closed, last opened first closed."""
    service = start()
    service.wait_for("process_started")

    code = service.stop(number)

    events = [line.get("thing", line["event"]) for line in service.lines()]
    assert code == 0
    assert events[-4:] == ["loop_finished", "desk", "shelf", "process_stopped"]
    assert service.err.read_text() == ""


def test_pending_request_is_answered_before_stop(start: StartProcess) -> None:
    """And before the loops stop, since the request may need them."""
    service = start()
    answers: list[tuple[int, str]] = []
    asking = Thread(target=lambda: answers.append(service.get("/slow")))
    asking.start()
    service.wait_for("request_taken")

    code = service.stop()

    asking.join()
    events = [line["event"] for line in service.lines()]
    assert answers == [(200, '"answered"')]
    assert code == 0
    assert events.index("request_done") < events.index("loop_finished")


def test_a_stop_during_start_ends_at_once(start: StartProcess) -> None:
    """A stop while it waits for a database must not need a kill."""
    service = start(fault="hangs_opening")
    service.wait_for("process_starting")

    assert service.stop() == 0


@pytest.mark.parametrize(
    ("fault", "begun"), [("deaf_opening", "process_starting"), ("hangs_closing", "process_started")]
)
def test_start_that_ignores_cancellation_and_a_hanging_close_are_ended(
    start: StartProcess, fault: str, begun: str
) -> None:
    service = start(fault=fault, stop_within_s="1")
    service.wait_for(begun)

    assert service.stop() == 70
    assert service.log_text("process_ended_unclosed")


def test_a_loop_that_ignores_the_stop_is_ended_at_the_deadline(start: StartProcess) -> None:
    service = start(fault="ignores_stop", stop_within_s="1")
    service.wait_for("process_started")
    asked_at = time.monotonic()

    code = service.stop()

    assert code == 70
    assert time.monotonic() - asked_at < 10
    assert "not stopped in time: inbox" in service.wait_for("process_broke")["trace"]


def test_a_halted_loop_stops_neither_the_edge_nor_other_loops(start: StartProcess) -> None:
    """What it is about waits for an operator; everything else goes on, and the probes say which is which."""
    service = start(fault="halts", stalls_after_s="1")
    halted = service.wait_for("loop_halted")
    poll_blocking(lambda: "reminders" not in service.get("/readyz")[1], within_s=45, what="the other loop has polled")

    answers = [service.get("/slow")[0] for _ in range(3)]  # three times longer than a loop may be silent
    ready, live, edge = service.get("/readyz"), service.get("/healthz"), service.get("/readyz/edge")

    assert (halted["loop"], halted["reason"]) == ("inbox", "the shelf is another one")
    assert answers == [200, 200, 200]
    assert ready[0] == 503
    assert json.loads(ready[1])["waits_for"] == {"inbox": "halted: the shelf is another one"}
    assert live[0] == 200
    assert json.loads(live[1])["halted"] == {"inbox": "the shelf is another one"}
    assert edge[0] == 200
    metrics = service.get("/metrics")[1]
    assert 'paidan_loop_halted{loop="inbox",service="library"} 1.0' in metrics
    assert 'paidan_loop_halted{loop="reminders",service="library"} 0.0' in metrics
    assert len([each for each in service.lines() if each["event"] == "loop_halted"]) == 1
    assert service.stop() == 0


def test_a_halted_loop_goes_on_in_its_process_once_nothing_halts_it(start: StartProcess) -> None:
    service = start(fault="halts_twice")

    poll_blocking(lambda: service.get("/readyz")[0] == 200, within_s=45, what="the loop goes on")

    assert service.log_text("loop_halted")
    assert json.loads(service.get("/healthz")[1]) == {"alive": True, "stalled": {}, "halted": {}}
    assert service.process.poll() is None


def test_a_halt_before_any_loop_has_an_exit_code_of_its_own(start: StartProcess) -> None:
    """The supervisor must not restart what would only halt again."""
    service = start(fault="halts_opening")

    assert service.process.wait(45) == 75
    assert service.wait_for("process_halted")["reasons"] == ["the shelf is another one"]


def test_a_bug_ends_the_process_with_its_trace_and_without_its_values(start: StartProcess) -> None:
    service = start(fault="breaks")

    assert service.process.wait(45) == 70
    trace = service.wait_for("process_broke")["trace"]
    assert "ValueError" in trace
    assert "tests/chassis/sample_service.py" in trace
    assert "13812345678" not in service.out.read_text() + service.err.read_text()


def test_a_loop_that_returns_early_ends_the_process(start: StartProcess) -> None:
    """An edge that answers while no loop runs would hide the failure."""
    service = start(fault="returns")

    assert service.process.wait(45) == 70
    assert "loop inbox returned without having been stopped" in service.wait_for("process_broke")["trace"]


@pytest.mark.parametrize(
    ("fault", "reason"), [("never_beats", "no activity"), ("stuck_behind", "7 records wait and none was committed")]
)
def test_a_loop_without_progress_ends_the_process(start: StartProcess, fault: str, reason: str) -> None:
    service = start(fault=fault, stalls_after_s="1")

    assert service.process.wait(45) == 70
    assert reason in service.wait_for("process_broke")["trace"]


def test_a_blocked_event_loop_ends_the_process_and_shows_where(start: StartProcess) -> None:
    """Nothing inside the event loop can detect that, not even its own watch."""
    service = start(fault="blocks", stalls_after_s="1")

    assert service.process.wait(45) != 0
    assert "tests/chassis/sample_service.py" in service.err.read_text()


def test_wrong_settings_are_named_and_not_retried(start: StartProcess) -> None:
    service = start(prot="8101")

    assert service.process.wait(45) == 78
    assert "LIBRARY_PROT is not a setting (did you mean LIBRARY_PORT?)" in service.err.read_text()


def test_port_in_use_ends_with_a_clear_error(start: StartProcess) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        service = start(port=str(taken.getsockname()[1]))

        assert service.process.wait(45) == 70
        assert "ddress already in use" in service.wait_for("process_broke")["trace"]


def test_ready_once_the_loop_has_polled(start: StartProcess) -> None:
    service = start()

    poll_blocking(lambda: service.get("/readyz")[0] == 200, within_s=45, what="the service is ready")

    assert json.loads(service.get("/healthz")[1]) == {"alive": True, "stalled": {}, "halted": {}}
    measured = 'paidan_poll_age_seconds{loop="inbox",service="library"}'
    poll_blocking(lambda: measured in service.get("/metrics")[1], what="the age of polls is measured")


def test_loop_only_process_serves_health_only(start: StartProcess) -> None:
    service = start("--only", "loop")

    assert service.get("/healthz")[0] == 200
    assert service.get("/slow")[0] == 404


def test_edge_only_process_runs_no_loop(start: StartProcess) -> None:
    service = start("--only", "edge", fault="breaks", stalls_after_s="1")

    answers = [service.get("/slow")[0] for _ in range(3)]  # three times longer than a loop may be silent

    assert answers == [200, 200, 200]
    assert service.get("/readyz")[0] == 200
    assert service.wait_for("process_started")["loops"] == []
