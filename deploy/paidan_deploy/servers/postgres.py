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
from paidan_deploy.servers import (
    ports,
    postgres_binaries,
    probes,
    process,
    run_as,
)
from paidan_deploy.servers.atomic_files import write_atomically
from paidan_deploy.servers.log_tail import Said

# In the local stack; a private server of a test takes any port.
PORT: Final = 15432
# A server started at once after kill -9 finds its predecessor's children still alive; they will notice.
PREDECESSOR_GRACE_S: Final = 10.0
MENDS_ITSELF: Final = r"postmaster\.pid.* already exists|pre-existing shared memory block|could not bind"
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
    """A server that outlives whoever started it; any process that knows its home can find, stop or kill it."""

    home: Path
    wanted_port: int | None = None
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
        """The address of its superuser, without a password."""
        return f"postgresql://postgres@{ports.LOOPBACK}:{self.port}/postgres"

    @property
    def process(self) -> psutil.Process | None:
        """The living postmaster, or None."""
        born = process.Born.read(self.home / "process.json")
        return None if born is None else born.find()

    @property
    def data(self) -> Path | None:
        """The data folder, wherever its user can reach it; None before the first start."""
        room = run_as.find_room(self.home)
        return None if room is None else room / "data"

    @property
    def log(self) -> Path:
        return self.home / "postgres.log"

    def start(self, *, timeout_s: float = 120) -> bool:
        """Start it unless it runs already (then False), and wait until it takes sessions."""
        give_up_at = time.monotonic() + PREDECESSOR_GRACE_S
        while True:
            said = Said.from_now(self.log)
            if adopted := self.process is not None:
                # It may be one that is just dying: then it is started anew.
                give_up_at = time.monotonic() + PREDECESSOR_GRACE_S
            else:
                self._launch()
            if self._answers(timeout_s):
                return not adopted
            if not adopted and (time.monotonic() > give_up_at or not re.search(MENDS_ITSELF, said.text)):
                raise ServerStartError(f"PostgreSQL ended while starting; {self.log} says why")

    def stop(self, *, timeout_s: float = 5) -> None:
        """Stop it in order, ending open sessions; after the time-out, kill it (it heals on the next start)."""
        if (running := self.process) is not None:
            process.end(running, signal.SIGINT, timeout_s=timeout_s)

    def kill(self) -> None:
        """End it and all its children as a power cut would."""
        if (running := self.process) is not None:
            family = [running, *running.children(recursive=True)]
            process.send(running, signal.SIGKILL, family=True)
            process.wait_gone(family, timeout_s=5)

    def pause(self) -> None:
        """Freeze it: sessions stay open and nothing answers."""
        if (running := self.process) is not None:
            process.send(running, signal.SIGSTOP, family=True)

    def resume(self) -> None:
        if (running := self.process) is not None:
            process.send(running, signal.SIGCONT, family=True)

    def restart(self) -> None:
        self.stop()
        self.start()

    def wipe(self) -> None:
        """Remove its files, also those outside its home."""
        run_as.remove_room(self.home)

    def _answers(self, timeout_s: float) -> bool:
        return process.await_ready(
            lambda: probes.postgres_answers(self.port) and process.listens(self.process, self.port),
            lambda: self.process is not None,
            what=f"PostgreSQL (its log is {self.log})",
            timeout_s=timeout_s,
        )

    def _launch(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        user = run_as.account()
        room = run_as.make_room(user, self.home)
        programs = postgres_binaries.find(user)
        data = room / "data"
        if not (data / "PG_VERSION").exists():
            self._initialize(programs, room, user)
        _remove_stale_lock(data)
        port = ports.choose([self.port, self.wanted_port])
        write_atomically(self.home / "ports.json", json.dumps({"port": port}))
        settings = [f"--{name}={value}" for name, value in (OPTIONS | self.options | {"port": str(port)}).items()]
        argv = [str(programs / "postgres"), "-D", str(data), *settings]
        process.Launch(argv=argv, log=self.log, cwd=room, user=user).detach(self.home / "process.json")

    def _initialize(self, programs: Path, room: Path, user: int | None) -> None:
        """Make the data folder: whole or not at all, so that a crash in the midst is repeated and not trusted."""
        half = room / "half"
        subprocess.run(["rm", "-rf", str(half)], check=True)
        argv = [
            str(programs / "initdb"),
            "-D",
            str(half),
            "-U",
            "postgres",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-instructions",
        ]
        secret = room / "password"
        if self.password is not None:
            write_atomically(secret, self.password, mode=0o600, user=user)
        argv += ["--auth=trust"] if self.password is None else ["--auth=scram-sha-256", f"--pwfile={secret}"]
        done = subprocess.run(
            run_as.named(argv),
            capture_output=True,
            text=True,
            cwd=room,
            timeout=120,
            check=False,
            user=user,
            group=user,
            extra_groups=process.no_groups(user),
        )
        if done.returncode != 0:
            raise ServerStartError(f"PostgreSQL could not make its data folder: {done.stderr.strip()}")
        secret.unlink(missing_ok=True)
        half.rename(room / "data")


def _remove_stale_lock(data: Path) -> None:
    """Remove a lock file whose pid belongs to somebody else by now; PostgreSQL itself sees only that the pid lives."""
    lock = data / "postmaster.pid"
    try:
        owner = psutil.Process(int(lock.read_text().split("\n", 1)[0]))
        belongs = "postgres" in owner.name()
    except (OSError, ValueError, psutil.NoSuchProcess):
        return
    if not belongs:
        lock.unlink(missing_ok=True)
