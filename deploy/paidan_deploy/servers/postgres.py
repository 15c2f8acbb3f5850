"""One private PostgreSQL on loopback, with its own data folder and port."""

import json
import re
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

from paidan_deploy.errors import ServerStartError
from paidan_deploy.servers import ports, postgres_binaries, probes, process, run_as
from paidan_deploy.servers.atomic_files import write_atomically
from paidan_deploy.servers.log_tail import LogTail

# Of the local stack; a test's server takes any port.
PORT: Final = 15432
# Right after kill -9 the predecessor's children are still alive; they soon notice and exit.
RESTART_GRACE_S: Final = 10.0
TRANSIENT_START_ERROR: Final = r"postmaster\.pid.* already exists|pre-existing shared memory block|could not bind"
OPTIONS: Final = {
    "listen_addresses": ports.LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %u@%d ",
}


@dataclass(slots=True, kw_only=True)
class PostgresServer:
    """A server that outlives the process that started it; any process can find it by its ``home``, stop or kill it."""

    home: Path
    preferred_port: int | None = None
    password: str | None = None
    options: dict[str, str] = field(default_factory=dict)

    @property
    def port(self) -> int:
        """The port of the last start."""
        try:
            return int(json.loads((self.home / "ports.json").read_text())["port"])
        except (OSError, ValueError, KeyError):
            return 0

    @property
    def dsn(self) -> str:
        """The superuser's DSN, without a password."""
        return f"postgresql://postgres@{ports.LOOPBACK}:{self.port}/postgres"

    @property
    def process(self) -> psutil.Process | None:
        """The running postmaster, or None."""
        identity = process.ProcessIdentity.read(self.home / "process.json")
        return None if identity is None else identity.find()

    @property
    def data_folder(self) -> Path | None:
        """The data folder, which may lie outside the home; None before the first start."""
        files_folder = run_as.find_data_folder(self.home)
        return None if files_folder is None else files_folder / "data"

    @property
    def log(self) -> Path:
        return self.home / "postgres.log"

    def start(self, *, timeout_s: float = 120, keep_port: bool = True) -> bool:
        """Start it unless it runs already (then False), and wait until it accepts sessions. Raises ServerStartError.

        ``keep_port``: clients expect it where it was; otherwise it goes back to its preferred port where that is free.
        """
        deadline = time.monotonic() + RESTART_GRACE_S
        while True:
            log_tail = LogTail.from_now(self.log)
            if already_running := self.process is not None:
                # It may be about to exit: then it is started again.
                deadline = time.monotonic() + RESTART_GRACE_S
            else:
                self._launch_process(keep_port=keep_port)
            if self._await_ready(timeout_s):
                return not already_running
            if not already_running and (
                time.monotonic() > deadline or not re.search(TRANSIENT_START_ERROR, log_tail.text)
            ):
                raise ServerStartError(
                    f"PostgreSQL ended while starting; see {self.log} / PostgreSQL 启动时退出，见 {self.log}"
                )

    def stop(self, *, timeout_s: float = 5) -> None:
        """Stop it in order, ending open sessions; after the timeout, kill it (it recovers on the next start)."""
        if (running := self.process) is not None:
            process.terminate(running, signal.SIGINT, timeout_s=timeout_s)

    def kill(self) -> None:
        """Kill it and all its children, as a power cut would."""
        if (running := self.process) is not None:
            family = [running, *running.children(recursive=True)]
            process.send_signal(running, signal.SIGKILL, include_descendants=True)
            process.wait_until_gone(family, timeout_s=5)

    def pause(self) -> None:
        """Suspend it: sessions stay open and nothing answers."""
        if (running := self.process) is not None:
            process.send_signal(running, signal.SIGSTOP, include_descendants=True)

    def resume(self) -> None:
        if (running := self.process) is not None:
            process.send_signal(running, signal.SIGCONT, include_descendants=True)

    def restart(self) -> None:
        self.stop()
        self.start()

    def remove_files(self) -> None:
        """Remove its files, also those outside its home."""
        run_as.remove_data_folder(self.home)

    def _await_ready(self, timeout_s: float) -> bool:
        return process.await_ready(
            lambda: probes.postgres_is_ready(self.port) and process.is_listening(self.process, self.port),
            lambda: self.process is not None,
            what=f"PostgreSQL ({self.log})",
            timeout_s=timeout_s,
        )

    def _launch_process(self, *, keep_port: bool) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        user = run_as.unprivileged_user()
        files_folder = run_as.make_data_folder(user, self.home)
        binaries = postgres_binaries.find_binaries(user)
        data = files_folder / "data"
        if not (data / "PG_VERSION").exists():
            self._initialize(binaries, files_folder, user)
        _remove_stale_lock(data)
        port = ports.choose_port([self.port, self.preferred_port][:: 1 if keep_port else -1])
        write_atomically(self.home / "ports.json", json.dumps({"port": port}))
        settings = [f"--{name}={value}" for name, value in (OPTIONS | self.options | {"port": str(port)}).items()]
        argv = [str(binaries / "postgres"), "-D", str(data), *settings]
        process.ProcessLaunch(argv=argv, log=self.log, cwd=files_folder, user=user).detach(self.home / "process.json")

    def _initialize(self, binaries: Path, files_folder: Path, user: int | None) -> None:
        """Create the data folder whole or not at all: one that a crash cut short is never used."""
        partial = files_folder / "half"
        subprocess.run(["rm", "-rf", str(partial)], check=True)
        argv = [
            str(binaries / "initdb"),
            "-D",
            str(partial),
            "-U",
            "postgres",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-instructions",
        ]
        password_file = files_folder / "password"
        if self.password is not None:
            write_atomically(password_file, self.password, mode=0o600, user=user)
        argv += ["--auth=trust"] if self.password is None else ["--auth=scram-sha-256", f"--pwfile={password_file}"]
        result = subprocess.run(
            run_as.with_user_name(argv),
            capture_output=True,
            text=True,
            cwd=files_folder,
            timeout=120,
            check=False,
            user=user,
            group=user,
            extra_groups=process.extra_groups(user),
        )
        if result.returncode != 0:
            raise ServerStartError(
                f"PostgreSQL could not create its data folder: {result.stderr.strip()}"
                f" / PostgreSQL 无法建立数据文件夹：{result.stderr.strip()}"
            )
        password_file.unlink(missing_ok=True)
        partial.rename(files_folder / "data")


def _remove_stale_lock(data: Path) -> None:
    """Remove a lock file whose pid was reused by another process; PostgreSQL checks only that the pid exists."""
    lock = data / "postmaster.pid"
    try:
        owner = psutil.Process(int(lock.read_text().split("\n", 1)[0]))
        is_postgres = "postgres" in owner.name()
    except (OSError, ValueError, psutil.NoSuchProcess):
        return
    if not is_postgres:
        lock.unlink(missing_ok=True)
