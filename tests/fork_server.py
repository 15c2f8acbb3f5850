"""A fork server: processes of our modules, forked from one that has imported them, which saves a second a start.

Each behaves as ``python -m MODULE ARGUMENTS`` would, with an environment and output files of its own: it can be
killed, frozen and waited for. Run as ``python -m tests.fork_server FD``, this is the process that forks them.
"""

import atexit
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
SERVICES: Final = ("paidan_intake", "paidan_dispatch", "paidan_scoring", "paidan_cockpit")
_MAX_REQUEST: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Request:
    """The module to run, and the files for its output."""

    module: str
    arguments: tuple[str, ...]
    environment: dict[str, str]
    out: str
    err: str


class ForkedProcess:
    """A process that the server forked, with the part of ``subprocess.Popen`` that tests need."""

    def __init__(self, server: "ForkServer", pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._server = server

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal, or None while it runs."""
        self._server.collect_exits(within_s=0)
        return self.returncode

    def wait(self, timeout: float = 60) -> int:
        """Wait until it ends and return the exit code."""
        give_up_at = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if (left := give_up_at - time.monotonic()) <= 0:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            self._server.collect_exits(within_s=left)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class ForkServer:
    """The client side of the process that others are forked from."""

    def __init__(self) -> None:
        self._running: dict[int, ForkedProcess] = {}
        self._socket, server_socket = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with server_socket:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.fork_server", str(server_socket.fileno())],
                cwd=ROOT, pass_fds=[server_socket.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            )  # fmt: skip

    def fork(self, request: Request) -> ForkedProcess:
        """Start a process."""
        self._socket.send(json.dumps(asdict(request)).encode())
        while (pid := self._receive_one()) is None:
            pass
        self._running[pid] = ForkedProcess(self, pid)
        return self._running[pid]

    def collect_exits(self, *, within_s: float) -> None:
        """Record the exit codes of ended processes, waiting up to ``within_s`` for the first one."""
        while select.select([self._socket], [], [], within_s)[0]:
            self._receive_one()
            within_s = 0

    def _receive_one(self) -> int | None:
        if not (received := self._socket.recv(_MAX_REQUEST)):
            raise AssertionError(f"the fork server ended with {self._process.wait()}")
        message: dict[str, int] = json.loads(received)
        if "ended" in message:
            self._running.pop(message["ended"]).returncode = message["code"]
        return message.get("started")

    def stop(self) -> None:
        """Stop the server and every process that it forked."""
        self._socket.close()
        self._process.wait()


@cache
def fork_server() -> ForkServer:
    """Return this test process's fork server, started on the first call."""
    server = ForkServer()
    atexit.register(server.stop)
    return server


def start(
    module: str, *arguments: str, environment: Mapping[str, str], out: Path, err: Path | None = None
) -> ForkedProcess:
    """Start a module as ``python -m`` would; its output is appended to ``out``, its errors to ``err`` if given."""
    return fork_server().fork(Request(module, arguments, dict(environment), str(out), str(err or out)))


def end_all(processes: Iterable[ForkedProcess]) -> None:
    """Kill the processes that still run, and wait for all of them."""
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.wait()


def run(
    module: str, *arguments: str, environment: Mapping[str, str], timeout_s: float
) -> "subprocess.CompletedProcess[str]":
    """Run a module to its end and return its exit code and output."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        process = start(module, *arguments, environment=environment, out=out, err=err)
        try:
            code = process.wait(timeout_s)
        finally:
            process.kill()
        return subprocess.CompletedProcess([module, *arguments], code, out.read_text(), err.read_text())


def _serve(conn: socket.socket) -> Request | None:
    """Fork for each request; return it in the child, and None in the parent once the client has closed the socket."""
    wakeup_reader, wakeup_writer = os.pipe()
    for end in (wakeup_reader, wakeup_writer):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(wakeup_writer)
    children: set[int] = set()
    while True:
        ready, _, _ = select.select([conn.fileno(), wakeup_reader], [], [])
        if wakeup_reader in ready:
            os.read(wakeup_reader, 4096)
            _report_exits(conn, children)
        if conn.fileno() in ready:
            if not (received := conn.recv(_MAX_REQUEST)):
                break
            if (pid := os.fork()) == 0:
                signal.set_wakeup_fd(-1)
                for each in (wakeup_reader, wakeup_writer):
                    os.close(each)
                conn.close()
                return _request(json.loads(received))
            children.add(pid)
            conn.send(json.dumps({"started": pid}).encode())
    for pid in children:
        os.kill(pid, signal.SIGKILL)
    return None


def _report_exits(conn: socket.socket, children: set[int]) -> None:
    for pid in list(children):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            children.discard(pid)
            conn.send(json.dumps({"ended": pid, "code": os.waitstatus_to_exitcode(status)}).encode())


def _request(body: dict[str, Any]) -> Request:
    return Request(**{**body, "arguments": tuple(body["arguments"])})


def _run_as_main(request: Request) -> None:
    """Turn this child into the requested module's process."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(request.environment)
    for number, path in ((1, request.out), (2, request.err)):
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        os.dup2(file, number)
        os.close(file)
    sys.argv = [request.module, *request.arguments]
    runpy.run_module(request.module, run_name="__main__", alter_sys=True)


def _import_all() -> None:
    deploy = importlib.import_module("paidan_deploy")
    modules = [f"{service}.{each}" for service in SERVICES for each in ("app", "settings")]
    modules += [f"paidan_deploy.{each.name}" for each in pkgutil.iter_modules(deploy.__path__) if each.name[:1] != "_"]
    for name in modules:
        importlib.import_module(name)
    assert threading.active_count() == 1, "a fork has one thread only"
    # A collection in a child would touch, and so copy, the pages of everything imported here.
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    # Ctrl-C is for the forked processes; the server ends when the client closes the socket.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    _import_all()
    with socket.socket(fileno=int(sys.argv[1])) as connection:
        requested = _serve(connection)
    if requested is not None:
        _run_as_main(requested)
