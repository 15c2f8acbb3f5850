"""One service under supervision: started, probed, and restarted with back-off when it dies."""

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
from paidan_deploy.stack.state import OTHER_PROCESS, Condition, ServiceState

log = logging.getLogger("paidan")

# Exit codes of the chassis after which a restart would not help.
FINAL_CONDITIONS: Final[Mapping[int, Condition]] = {75: "halted", 78: "misconfigured"}
FIRST_BACKOFF_S: Final = 0.5
MAX_BACKOFF_S: Final = 30.0
HALTS_INTERVAL_S: Final = 2.0
# After running for so long, the next death is backed off as a first one.
STABLE_AFTER_S: Final = 60.0


@dataclass(slots=True, kw_only=True)
class SupervisedService:
    """A service's process and its condition; call `tick` at short intervals.

    Each start passes the process an id of its own, `<NAME>_INSTANCE`: an answer that does not echo it is another's.
    """

    name: str
    argv: Sequence[str]
    port: int
    env: Mapping[str, str]
    log: Path
    identity_file: Path
    user: int | None = None
    condition: Condition = "stopped"
    restarts: int = 0
    detail: str = ""
    _instance: str = ""
    _configured_port: int = 0
    _child: subprocess.Popen[bytes] | None = None
    _started_at: float = 0.0
    _backoff_s: float = FIRST_BACKOFF_S
    _restart_at: float = field(default=0.0)
    _resume_requested: bool = False
    _check_halts_at: float = 0.0

    def __post_init__(self) -> None:
        self._configured_port = self.port

    @property
    def port_note(self) -> str:
        """A note that it listens on another port than configured; empty when it does not."""
        if self.port == self._configured_port:
            return ""
        return (
            f"port {self._configured_port} is taken: {self.name} listens on {self.port}"
            f" / 端口 {self._configured_port} 已被占用：{self.name} 在 {self.port} 上监听"
        )

    @property
    def state(self) -> ServiceState:
        return ServiceState(
            name=self.name,
            url=f"http://{LOOPBACK}:{self.port}",
            condition=self.condition,
            pid=None if self._child is None else self._child.pid,
            instance=self._instance,
            restarts=self.restarts,
            detail=self.detail,
        )

    def start(self) -> None:
        """Start it, on another port if its own was taken meanwhile; schedule a restart where that fails."""
        self._resume_requested = False
        if (port := ports.choose_port([self.port, self._configured_port])) != self.port:
            self.port = port
            log.warning("%s", self.port_note or f"{self.name} listens on its own port {port} again")
        self._instance = secrets.token_hex(16)
        instance_variables = {
            f"{self.name}_port".upper(): str(self.port),
            f"{self.name}_instance".upper(): self._instance,
        }
        # Another user may not have access to our working directory, nor to our home, where asyncpg looks for keys.
        cwd, home = (None, {}) if self.user is None else (Path("/"), {"HOME": "/"})
        env = {**self.env, **instance_variables, **home}
        launch = process.ProcessLaunch(argv=self.argv, log=self.log, env=env, cwd=cwd, user=self.user)
        self._started_at = time.monotonic()
        try:
            self._child = launch.spawn(self.identity_file)
        except OSError as error:
            self.detail = f"could not be started / 无法启动: {error}"
            self._schedule_restart()
        else:
            self.condition, self.detail = "starting", ""

    def tick(self) -> None:
        """Detect exit and readiness, and restart it when that is due."""
        if self._child is not None and (code := self._child.poll()) is not None:
            self._on_exit(code)
        elif self.condition == "waiting" and time.monotonic() >= self._restart_at:
            self.restarts += 1
            self.start()
        elif self.condition == "starting":
            self._check_ready()
        elif self._child is not None and time.monotonic() >= self._check_halts_at:
            self._check_halts()

    def resume(self) -> None:
        """Start it again after its halt was cleared, or as soon as its process has ended."""
        if self._child is None and self.condition in FINAL_CONDITIONS.values():
            self.start()
        else:
            self._resume_requested = True  # a halt can be cleared some seconds before its process is gone

    def request_stop(self) -> None:
        self.condition, self.detail = "stopped", ""
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(signal.SIGTERM)

    def wait_stopped(self, deadline: float) -> None:
        """Wait for a service that was asked to stop, and kill it at the deadline."""
        if self._child is None:
            return
        try:
            self._child.wait(timeout=max(deadline - time.monotonic(), 0.05))
        except subprocess.TimeoutExpired:
            log.warning("%s did not stop in time and was killed", self.name)
            self._child.kill()
            self._child.wait(timeout=5)
        self._child = None
        self.identity_file.unlink(missing_ok=True)

    def _check_ready(self) -> None:
        match probes.probe_service(self.port, self._instance):
            case "ready":
                self.condition, self.detail = "running", ""
                self._check_halts_at = 0.0
                log.info("%s is ready on port %d", self.name, self.port)
            case "other_process":
                self.detail = OTHER_PROCESS.format(port=self.port)
            case _:
                self.detail = ""

    def _check_halts(self) -> None:
        self._check_halts_at = time.monotonic() + HALTS_INTERVAL_S
        halted = probes.fetch_halted_loops(self.port, self._instance)
        if halted is None or not self.state.answers:
            return
        found = self.state.with_halted_loops(halted)
        if found.condition != self.condition:
            log.warning("%s is %s %s", self.name, found.condition, found.detail)
        self.condition, self.detail = found.condition, found.detail

    def _on_exit(self, code: int) -> None:
        self._child = None
        final_condition = FINAL_CONDITIONS.get(code)
        self.detail = (
            f"exit {code} / 已退出: {_last_line(self.log)}" if code >= 0 else f"ended by signal {-code} / 被信号终止"
        )
        if final_condition is not None:
            self._enter_final_condition(final_condition)
            return
        self._schedule_restart()

    def _schedule_restart(self) -> None:
        was_stable = time.monotonic() - self._started_at > STABLE_AFTER_S
        self._backoff_s = FIRST_BACKOFF_S if was_stable else min(self._backoff_s * 2, MAX_BACKOFF_S)
        self._restart_at = time.monotonic() + self._backoff_s
        self.condition = "waiting"
        log.warning("%s died (%s) and starts again in %.1f s", self.name, self.detail, self._backoff_s)

    def _enter_final_condition(self, condition: Condition) -> None:
        if self._resume_requested:
            log.warning("%s was %s, and was resumed meanwhile: %s", self.name, condition, self.detail)
            self.start()
            return
        self.condition = condition
        log.error("%s is %s and is not started again: %s", self.name, condition, self.detail)


def _last_line(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - 2000, 0))
        lines = file.read().decode(errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else "it logged nothing / 没有日志"
