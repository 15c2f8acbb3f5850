"""Processes that outlive the command that started them, known by pid and birth: a stale pid is never mistaken."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import psutil

from paidan_deploy.errors import ServerStartError
from paidan_deploy.servers.atomic_files import write_atomically


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process as it was born. A pid alone comes round again; with its birth it does not.

    The birth is counted from the machine's own start: the time of day changes whenever a clock is corrected.
    """

    pid: int
    birth: str

    @classmethod
    def of(cls, pid: int) -> Self:
        return cls(pid=pid, birth=_birth_of(pid))

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Read who wrote this file, or None when nobody did or the file was cut short by a crash."""
        try:
            saved = json.loads(path.read_text())
            return cls(pid=int(saved["pid"]), birth=str(saved["birth"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, path: Path) -> None:
        write_atomically(path, json.dumps(asdict(self)))

    def find(self) -> psutil.Process | None:
        """Find the living process, or None when it is gone, only a zombie, or its pid belongs to another by now."""
        try:
            process = psutil.Process(self.pid)
            is_same = _birth_of(self.pid) == self.birth
        except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
            return None
        return process if is_same and _is_alive(process) else None


def _birth_of(pid: int) -> str:
    """Name the machine's start and the clock ticks from there to the process's; psutil tells a time of day only."""
    ticks = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[19]
    return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {int(ticks)}"


def is_listening(process: psutil.Process | None, port: int) -> bool:
    """Tell whether it is this process that listens there: a stranger who took the port first answers like it."""
    if process is None:
        return False
    with suppress(psutil.Error):
        connections = process.net_connections("tcp")
        return any(each.status == psutil.CONN_LISTEN and each.laddr.port == port for each in connections)
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessLaunch:
    """How to start one process in the background."""

    argv: Sequence[str]
    log: Path
    env: Mapping[str, str] | None = None
    cwd: Path | None = None
    user: int | None = None

    def spawn(self, identity_file: Path) -> subprocess.Popen[bytes]:
        """Start it in a session of its own, so that Ctrl-C reaches only who shall hear it, and write down its birth.

        Raises OSError, and nothing runs: whose birth cannot be written down, nobody could find and end.
        """
        child = self._popen()
        try:
            ProcessIdentity.of(child.pid).write(identity_file)
        except OSError:
            child.kill()
            child.wait(timeout=5)
            raise
        return child

    def _popen(self) -> subprocess.Popen[bytes]:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            return subprocess.Popen(
                list(self.argv),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=None if self.env is None else dict(self.env),
                cwd=self.cwd,
                start_new_session=True,
                user=self.user,
                group=self.user,
                extra_groups=extra_groups(self.user),
            )

    def detach(self, identity_file: Path | None = None) -> ProcessIdentity:
        """Start it to outlive us: nobody waits for it, so nobody is warned that it still runs."""
        child = self._popen() if identity_file is None else self.spawn(identity_file)
        child.returncode = 0
        return ProcessIdentity.of(child.pid)


def extra_groups(user: int | None) -> list[int] | None:
    """Take root's groups away from a process that runs as another user; leave our own alone."""
    return None if user is None else []


def send_signal(process: psutil.Process, signal_number: signal.Signals, *, include_descendants: bool = False) -> None:
    """Signal a process (and its descendants); one that is gone already is fine."""
    targets = [*_descendants(process), process] if include_descendants else [process]
    for member in targets:
        try:
            member.send_signal(signal_number)
        except psutil.NoSuchProcess:
            continue


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def wait_until_gone(processes: Sequence[psutil.Process], *, timeout_s: float) -> bool:
    """Wait until all are gone (a zombie is); False when the time ran out first."""
    deadline = time.monotonic() + timeout_s
    while any(_is_alive(process) for process in processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _is_alive(process: psutil.Process) -> bool:
    with suppress(ChildProcessError):
        os.waitpid(process.pid, os.WNOHANG)
    try:
        # The first thread of a killed server is a zombie while the others still let go of its ports and files.
        return process.is_running() and (process.status() != psutil.STATUS_ZOMBIE or process.num_threads() > 1)
    except psutil.NoSuchProcess:
        return False


def terminate(process: psutil.Process, signal_number: signal.Signals, *, timeout_s: float) -> None:
    """Ask a process to stop, and after the time-out end it and its descendants with SIGKILL."""
    processes = [*_descendants(process), process]
    send_signal(process, signal_number)
    if not wait_until_gone(processes, timeout_s=timeout_s):
        for member in processes:
            send_signal(member, signal.SIGKILL)
        wait_until_gone(processes, timeout_s=5)


def await_ready(is_ready: Callable[[], bool], is_alive: Callable[[], bool], *, what: str, timeout_s: float) -> bool:
    """Poll until it answers; False at once when its process ends. Raises ServerStartError when the time is up."""
    deadline = time.monotonic() + timeout_s
    while not is_ready():
        if not is_alive():
            return False
        if time.monotonic() > deadline:
            raise ServerStartError(f"{what} did not answer within {timeout_s:.0f} s")
        time.sleep(0.05)
    return True
