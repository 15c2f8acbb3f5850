"""Supervision of a service that dies, halts, or does not stop."""

import http.server
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from paidan_chassis.edge.headers import INSTANCE_HEADER
from paidan_deploy.servers import ports, probes
from paidan_deploy.stack.service_process import SupervisedService
from tests.polling import poll_blocking

SERVING_PROGRAM = """
import http.server, os
name = os.environ["NAME"]
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("x-paidan-instance", os.environ[f"{name}_INSTANCE"])
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(os.environ[f"{name}_PORT"])), Ready).serve_forever()
"""


@contextmanager
def foreign_service(port: int, *, instance: str = "0" * 32) -> Iterator[None]:
    """Answer on this port like a ready service of another installation."""

    class Ready(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the library's name
            self.send_response(200)
            self.send_header(INSTANCE_HEADER, instance)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = http.server.HTTPServer(("127.0.0.1", port), Ready)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


class SupervisedServices:
    """Supervised services that are stopped at the end of the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[SupervisedService] = []

    def start(self, program: str) -> SupervisedService:
        port = ports.choose_port([None])
        name = f"service{len(self.started)}"
        each = SupervisedService(
            name=name,
            argv=[sys.executable, "-c", program],
            port=port,
            env=dict(os.environ) | {"NAME": name.upper()},
            log=self.folder / f"{name}.log",
            identity_file=self.folder / name / "process.json",
        )
        self.started.append(each)
        each.start()
        return each


@pytest.fixture
def services(tmp_path: Path) -> Iterator[SupervisedServices]:
    supervised = SupervisedServices(tmp_path)
    yield supervised
    for each in supervised.started:
        each.request_stop()
        each.wait_stopped(time.monotonic() + 1)


def await_condition(each: SupervisedService, condition: str, within_s: float = 10) -> None:
    poll_blocking(lambda: tick(each).condition == condition, within_s=within_s, what=f"{each.name} is {condition}")


def tick(each: SupervisedService) -> SupervisedService:
    each.tick()
    return each


def test_a_service_that_cannot_be_started_is_tried_again(services: SupervisedServices, tmp_path: Path) -> None:
    """On a full disk nothing can be written: neither its identity nor a log."""
    in_the_way = tmp_path / "service0"
    in_the_way.write_text("")

    service = services.start(SERVING_PROGRAM)

    assert service.condition == "waiting"
    assert service.state.pid is None
    assert "could not be started" in service.detail
    in_the_way.unlink()
    await_condition(service, "running", within_s=30)


def test_a_service_is_running_once_its_probe_is_ready(services: SupervisedServices) -> None:
    each = services.start(SERVING_PROGRAM)
    assert each.condition == "starting"

    await_condition(each, "running")

    assert each.state.pid is not None


def test_foreign_answer_on_the_port_is_not_mistaken_for_the_service(services: SupervisedServices) -> None:
    """Another installation's service may hold the port of one that is starting, and answer that it is ready."""
    each = services.start("import time; time.sleep(60)")

    with foreign_service(each.port):
        await_foreign_answer(each)

        assert each.condition == "starting"


def await_foreign_answer(each: SupervisedService) -> None:
    poll_blocking(
        lambda: "another process answers" in tick(each).detail,
        what=f"{each.name} notices the other process",
    )


def test_a_service_whose_port_was_taken_while_it_was_down_listens_on_another(services: SupervisedServices) -> None:
    each = services.start(SERVING_PROGRAM)
    await_condition(each, "running")
    first = each.state
    assert first.pid is not None
    os.kill(first.pid, 9)
    await_condition(each, "waiting")

    with foreign_service(int(first.url.rpartition(":")[2]), instance=first.instance):
        await_condition(each, "running")

        assert each.state.url != first.url
        assert f"listens on {each.port}" in each.port_note
        assert probes.probe_service(each.port, each.state.instance) == "ready"
        assert probes.probe_service(int(first.url.rpartition(":")[2]), each.state.instance) == "other_process"


def test_a_killed_service_is_started_again(services: SupervisedServices) -> None:
    each = services.start(SERVING_PROGRAM)
    await_condition(each, "running")
    first = each.state.pid
    assert first is not None
    os.kill(first, 9)

    await_condition(each, "waiting")
    assert "signal 9" in each.detail
    await_condition(each, "running")

    assert each.state.pid != first
    assert each.restarts == 1


def test_restart_backoff_grows(services: SupervisedServices) -> None:
    each = services.start("raise SystemExit('no such table')")
    started = time.monotonic()

    poll_blocking(lambda: tick(each).restarts == 2, what="two restarts")

    assert time.monotonic() - started > 3  # waits of 1 s and 2 s, and not of 0.5 s twice
    await_condition(each, "waiting")
    assert "no such table" in each.detail


@pytest.mark.parametrize(("code", "condition"), [(75, "halted"), (78, "misconfigured")])
def test_a_halted_or_misconfigured_service_is_not_restarted_until_resumed(
    services: SupervisedServices, code: int, condition: str
) -> None:
    """A restart would only fail the same way; a person must act."""
    each = services.start(f"print('the cluster is another'); raise SystemExit({code})")
    await_condition(each, condition)

    for _ in range(3):
        each.tick()
    assert (each.condition, each.restarts) == (condition, 0)
    assert "the cluster is another" in each.detail

    each.resume()
    assert each.condition == "starting"


HALTING_PROGRAM = "import signal, sys; signal.signal(signal.SIGUSR1, lambda *_: sys.exit(75))\n" + SERVING_PROGRAM


def test_a_resume_before_the_halted_process_has_ended_takes_effect_at_its_end(
    services: SupervisedServices,
) -> None:
    """The halt is visible before its process is gone; cleared by then, nothing would explain why it stays down."""
    each = services.start(HALTING_PROGRAM)
    await_condition(each, "running")
    first = each.state.pid
    assert first is not None

    each.resume()
    assert each.state.pid == first
    os.kill(first, signal.SIGUSR1)
    poll_blocking(lambda: tick(each).state.pid != first, what="the first one's end")
    await_condition(each, "running")
    second = each.state.pid
    assert second is not None
    os.kill(second, signal.SIGUSR1)

    await_condition(each, "halted")


def test_service_ignoring_sigterm_is_killed_at_the_deadline(services: SupervisedServices) -> None:
    each = services.start("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SERVING_PROGRAM)
    await_condition(each, "running")
    pid = each.state.pid

    each.request_stop()
    each.wait_stopped(time.monotonic() + 0.3)

    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_the_fixed_port_is_taken_when_free_and_another_when_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken_port = listener.getsockname()[1]

        assert ports.choose_port([taken_port]) != taken_port
    assert ports.choose_port([taken_port]) == taken_port
    assert ports.choose_port([taken_port], excluded=frozenset({taken_port})) != taken_port
