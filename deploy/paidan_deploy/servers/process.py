"""Background processes, identified by pid and start time, so that a reused pid is never mistaken for them."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Self

import psutil

from paidan_deploy.errors import ServerStartError
from paidan_deploy.servers.atomic_files import write_atomically

FILE_UMASK: Final = 0o077
"""What a process of ours writes is its user's alone."""


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process by pid and start time; a pid alone is reused.

    The start time counts from the machine's boot: the time of day changes whenever a clock is corrected.
    """

    pid: int
    birth: str

    @classmethod
    def of(cls, pid: int) -> Self:
        return cls(pid=pid, birth=_birth_of(pid))

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Read an identity file; None when it is missing or was cut short by a crash."""
        try:
            saved = json.loads(path.read_text())
            return cls(pid=int(saved["pid"]), birth=str(saved["birth"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, path: Path) -> None:
        write_atomically(path, json.dumps(asdict(self)))

    def find(self) -> psutil.Process | None:
        """Return the running process, or None when it is gone, a zombie, or its pid was reused."""
        try:
            process = psutil.Process(self.pid)
            is_same = _birth_of(self.pid) == self.birth
        except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
            return None
        return process if is_same and _is_alive(process) else None


def _birth_of(pid: int) -> str:
    """Return boot id and clock ticks from boot to the process's start; psutil has only a time of day."""
    ticks = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[19]
    return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {int(ticks)}"


def is_listening(process: psutil.Process | None, port: int) -> bool:
    """Check whether it is this process that listens there: another on the port would answer alike."""
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
        """Start it in a session of its own, out of reach of Ctrl-C, and write its identity.

        Raises OSError with nothing left running: a process without an identity file could not be found and stopped.
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
                umask=FILE_UMASK,
            )

    def detach(self, identity_file: Path | None = None) -> ProcessIdentity:
        """Start it to outlive us: without a return code, Popen would warn that it still runs."""
        child = self._popen() if identity_file is None else self.spawn(identity_file)
        child.returncode = 0
        return ProcessIdentity.of(child.pid)


def extra_groups(user: int | None) -> list[int] | None:
    """Return the groups for a process: none of root's for another user, the inherited ones for ourselves."""
    return None if user is None else []


def send_signal(process: psutil.Process, signal_number: signal.Signals, *, include_descendants: bool = False) -> None:
    """Signal a process (and its descendants); those that are gone already are ignored."""
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
    """Wait until all are gone (zombies count as gone); False on timeout."""
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
        # The main thread of a killed server is a zombie while others still release its ports and files.
        return process.is_running() and (process.status() != psutil.STATUS_ZOMBIE or process.num_threads() > 1)
    except psutil.NoSuchProcess:
        return False


def terminate(process: psutil.Process, signal_number: signal.Signals, *, timeout_s: float) -> None:
    """Signal a process to stop; after the timeout, kill it and its descendants."""
    processes = [*_descendants(process), process]
    send_signal(process, signal_number)
    if not wait_until_gone(processes, timeout_s=timeout_s):
        for member in processes:
            send_signal(member, signal.SIGKILL)
        wait_until_gone(processes, timeout_s=5)


def await_ready(is_ready: Callable[[], bool], is_alive: Callable[[], bool], *, what: str, timeout_s: float) -> bool:
    """Poll until it is ready; False as soon as its process ends. Raises ServerStartError on timeout."""
    deadline = time.monotonic() + timeout_s
    while not is_ready():
        if not is_alive():
            return False
        if time.monotonic() > deadline:
            raise ServerStartError(
                f"{what} did not answer within {timeout_s:.0f} s / {what} 在 {timeout_s:.0f} 秒内没有应答"
            )
        time.sleep(0.05)
    return True
