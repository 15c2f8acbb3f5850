"""Processes of our own modules, forked from one that has imported everything: a start costs no second of importing.

Each is what ``python -m MODULE ARGUMENTS`` would be, with an environment and files of its own: it can be killed,
frozen and waited for. Run as ``python -m tests.fork_server FD``, this is the process that they are forked from.
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
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
SERVICES: Final = ("paidan_intake", "paidan_dispatch", "paidan_scoring")
_LARGEST: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Request:
    """What to run, and where its words go."""

    module: str
    arguments: tuple[str, ...]
    environment: dict[str, str]
    out: str
    err: str


class Forked:
    """A process that runs, as much like ``subprocess.Popen`` as tests need."""

    def __init__(self, parent: "Parent", pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._parent = parent

    def poll(self) -> int | None:
        """Give the exit code, negative for a signal, or None while it runs."""
        self._parent.hear(within_s=0)
        return self.returncode

    def wait(self, timeout: float = 60) -> int:
        """Wait for the end and give the exit code."""
        give_up_at = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if (left := give_up_at - time.monotonic()) <= 0:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            self._parent.hear(within_s=left)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Parent:
    """The process that others are forked from, seen from the tests."""

    def __init__(self) -> None:
        self._living: dict[int, Forked] = {}
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.fork_server", str(theirs.fileno())],
                cwd=ROOT, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            )  # fmt: skip

    def fork(self, request: Request) -> Forked:
        """Start a process."""
        self._socket.send(json.dumps(asdict(request)).encode())
        while (pid := self._hear_one()) is None:
            pass
        self._living[pid] = Forked(self, pid)
        return self._living[pid]

    def hear(self, *, within_s: float) -> None:
        """Take in who has ended, waiting so long for the first of them."""
        while select.select([self._socket], [], [], within_s)[0]:
            self._hear_one()
            within_s = 0

    def _hear_one(self) -> int | None:
        if not (said := self._socket.recv(_LARGEST)):
            raise AssertionError(f"the process to fork from ended with {self._process.wait()}")
        heard: dict[str, int] = json.loads(said)
        if "ended" in heard:
            self._living.pop(heard["ended"]).returncode = heard["code"]
        return heard.get("began")

    def end(self) -> None:
        """End it, and with it all that was forked from it."""
        self._socket.close()
        self._process.wait()


@cache
def parent() -> Parent:
    """Give this test process's one parent of processes."""
    made = Parent()
    atexit.register(made.end)
    return made


def start(module: str, *arguments: str, environment: Mapping[str, str], out: Path, err: Path | None = None) -> Forked:
    """Start a module as ``python -m`` would; its words are added to a file, or errors to one of their own."""
    return parent().fork(Request(module, arguments, dict(environment), str(out), str(err or out)))


def run(
    module: str, *arguments: str, environment: Mapping[str, str], timeout_s: float
) -> "subprocess.CompletedProcess[str]":
    """Run a module to its end and give what it said."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        running = start(module, *arguments, environment=environment, out=out, err=err)
        try:
            code = running.wait(timeout_s)
        finally:
            running.kill()
        return subprocess.CompletedProcess([module, *arguments], code, out.read_text(), err.read_text())


def _serve(conn: socket.socket) -> Request | None:
    """Fork for each request; give it in the child, and None in the parent once nobody can ask any more."""
    woken, waker = os.pipe()
    for end in (woken, waker):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(waker)
    living: set[int] = set()
    while True:
        ready, _, _ = select.select([conn.fileno(), woken], [], [])
        if woken in ready:
            os.read(woken, 4096)
            _tell_ended(conn, living)
        if conn.fileno() in ready:
            if not (asked := conn.recv(_LARGEST)):
                break
            if (pid := os.fork()) == 0:
                signal.set_wakeup_fd(-1)
                for each in (woken, waker):
                    os.close(each)
                conn.close()
                return _request(json.loads(asked))
            living.add(pid)
            conn.send(json.dumps({"began": pid}).encode())
    for pid in living:
        os.kill(pid, signal.SIGKILL)
    return None


def _tell_ended(conn: socket.socket, living: set[int]) -> None:
    for pid in list(living):
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            living.discard(pid)
            conn.send(json.dumps({"ended": pid, "code": os.waitstatus_to_exitcode(status)}).encode())


def _request(said: dict[str, Any]) -> Request:
    return Request(**{**said, "arguments": tuple(said["arguments"])})


def _become(request: Request) -> None:
    """Be what was asked for."""
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
    # What lives until the end is not to be looked through, and so copied, by every child.
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    # Ctrl-C is for those who are forked; this one ends when nobody can ask any more.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    _import_all()
    with socket.socket(fileno=int(sys.argv[1])) as mine:
        asked_for = _serve(mine)
    if asked_for is not None:
        _become(asked_for)
