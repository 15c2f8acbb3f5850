"""One service under supervision: started, seen ready, started again with back-off when it dies."""

import logging
import secrets
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from paidan_deploy.servers import ports, probes, process
from paidan_deploy.servers.ports import LOOPBACK
from paidan_deploy.stack.state import Condition, ServiceState

log = logging.getLogger("paidan")

# What the chassis ends with when it must not simply be started again.
NOT_RESTARTED: Final[Mapping[int, Condition]] = {75: "halted", 78: "misconfigured"}
FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 30.0
# Who has run for so long has earned that its next death counts as a first one.
STEADY_AFTER_S: Final = 60.0


@dataclass(slots=True, kw_only=True)
class Watched:
    """A service's process and what became of it. `tick` does all that is due.

    Each start tells the process a word of its own, `<NAME>_INSTANCE`: only who echoes it is taken for that process.
    """

    name: str
    argv: Sequence[str]
    port: int
    env: Mapping[str, str]
    log: Path
    born: Path
    condition: Condition = "stopped"
    restarts: int = 0
    detail: str = ""
    _instance: str = ""
    _wanted_port: int = 0
    _running: subprocess.Popen[bytes] | None = None
    _started_at: float = 0.0
    _wait_s: float = FIRST_WAIT_S
    _due_at: float = field(default=0.0)
    _resumed: bool = False

    def __post_init__(self) -> None:
        self._wanted_port = self.port

    @property
    def moved(self) -> str:
        """Say that it listens elsewhere than it was meant to; nothing when it does not."""
        if self.port == self._wanted_port:
            return ""
        return f"port {self._wanted_port} is taken: {self.name} listens on {self.port}"

    @property
    def state(self) -> ServiceState:
        return ServiceState(
            name=self.name,
            url=f"http://{LOOPBACK}:{self.port}",
            condition=self.condition,
            pid=None if self._running is None else self._running.pid,
            instance=self._instance,
            restarts=self.restarts,
            detail=self.detail,
        )

    def start(self) -> None:
        """Start it now, on another port when somebody took its own while it was down; later where it cannot be."""
        self._resumed = False
        if (port := ports.choose([self.port, self._wanted_port])) != self.port:
            self.port = port
            log.warning("%s", self.moved or f"{self.name} listens on its own port {port} again")
        self._instance = secrets.token_hex(16)
        own = {f"{self.name}_port".upper(): str(self.port), f"{self.name}_instance".upper(): self._instance}
        launch = process.Launch(argv=self.argv, log=self.log, env={**self.env, **own})
        self._started_at = time.monotonic()
        try:
            self._running = launch.spawn(self.born)
        except OSError as error:
            self.detail = f"could not be started: {error}"
            self._wait()
        else:
            self.condition, self.detail = "starting", ""

    def tick(self) -> None:
        """Notice death and readiness, and start it again when that is due."""
        if self._running is not None and (code := self._running.poll()) is not None:
            self._on_death(code)
        elif self.condition == "waiting" and time.monotonic() >= self._due_at:
            self.restarts += 1
            self.start()
        elif self.condition == "starting":
            self._see_whether_ready()

    def resume(self) -> None:
        """Start it again after somebody lifted its halt, or once it has ended of it."""
        if self.condition in NOT_RESTARTED.values():
            self.start()
        else:
            self._resumed = True  # a halt is kept, and may be lifted, some seconds before its process is gone

    def ask_to_stop(self) -> None:
        self.condition, self.detail = "stopped", ""
        if self._running is not None and self._running.poll() is None:
            self._running.send_signal(signal.SIGTERM)

    def see_it_stopped(self, deadline: float) -> None:
        """Wait for the end of a service asked to stop, and kill it when the deadline passes."""
        if self._running is None:
            return
        try:
            self._running.wait(timeout=max(deadline - time.monotonic(), 0.05))
        except subprocess.TimeoutExpired:
            log.warning("%s did not stop in time and was killed", self.name)
            self._running.kill()
            self._running.wait(timeout=5)
        self._running = None
        self.born.unlink(missing_ok=True)

    def _see_whether_ready(self) -> None:
        match probes.service_answers(self.port, self._instance):
            case "ready":
                self.condition, self.detail = "running", ""
                log.info("%s is ready on port %d", self.name, self.port)
            case "stranger":
                self.detail = f"another process answers on port {self.port}"
            case _:
                self.detail = ""

    def _on_death(self, code: int) -> None:
        self._running = None
        lasting = NOT_RESTARTED.get(code)
        self.detail = f"exit {code}, {_last_line(self.log)}" if code >= 0 else f"ended by signal {-code}"
        if lasting is not None:
            self._stay_down(lasting)
            return
        self._wait()

    def _wait(self) -> None:
        steady = time.monotonic() - self._started_at > STEADY_AFTER_S
        self._wait_s = FIRST_WAIT_S if steady else min(self._wait_s * 2, LONGEST_WAIT_S)
        self._due_at = time.monotonic() + self._wait_s
        self.condition = "waiting"
        log.warning("%s died (%s) and starts again in %.1f s", self.name, self.detail, self._wait_s)

    def _stay_down(self, condition: Condition) -> None:
        if self._resumed:
            log.warning("%s was %s, and is resumed already: %s", self.name, condition, self.detail)
            self.start()
            return
        self.condition = condition
        log.error("%s is %s and is not started again: %s", self.name, condition, self.detail)


def _last_line(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - 2000, 0))
        lines = file.read().decode(errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else "it said nothing"
