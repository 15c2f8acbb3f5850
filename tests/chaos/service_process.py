"""A service process that a test starts, kills, freezes and starts again at the same address."""

import asyncio
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import psutil

from paidan_deploy.servers.process import ProcessIdentity
from tests import fork_server
from tests.fork_server import ForkedProcess
from tests.polling import poll

READY_TIMEOUT_S: Final = 90.0


@dataclass(slots=True)
class ServiceProcess:
    """A service as one process after the other, all at the same address and with the same log file."""

    name: str
    environment: Mapping[str, str]
    log: Path
    port: int
    process: ForkedProcess | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def exit_code(self) -> int | None:
        """The current process's exit code, None while it runs or before it started."""
        return self.process.poll() if self.process else None

    def start(self, *arguments: str, kill_point: str = "", release: int = 0, **settings: str) -> None:
        """Start a process, as another ``release``, or to kill or stop itself at the ``kill_point`` of a batch."""
        module = ["tests.chaos.kill_points", self.name, kill_point] if kill_point else [f"paidan_{self.name}"]
        module = ["tests.chaos.as_release", str(release)] if release else module
        variables = {f"{self.name}_{name}".upper(): value for name, value in settings.items()}
        self.process = fork_server.start(
            *module, *arguments, environment={**self.environment, **variables}, out=self.log
        )
        ProcessIdentity.of(self.process.pid).write(self.log.parent / self.log.stem / "process.json")

    def send_signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def __post_init__(self) -> None:
        self.log.touch()

    def kill(self) -> None:
        """Kill it with SIGKILL, frozen or not."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    async def wait_for_exit(self, *, timeout_s: float = READY_TIMEOUT_S) -> int:
        """Wait until it ends by itself, and return its exit code."""
        await poll(lambda: self.exit_code is not None, within_s=timeout_s, what=f"the end of {self.name}")
        assert self.exit_code is not None
        return self.exit_code

    async def wait_until_ready(self) -> None:
        """Wait until ``/readyz`` answers 200. Fails with the end of the log when the process ends before."""
        async with httpx.AsyncClient(verify=False, timeout=5) as client:

            async def is_ready() -> bool:
                await asyncio.sleep(0.1)  # a check uses CPU that start-up needs
                assert self.exit_code is None, f"{self.name} ended with {self.exit_code}: {self.log_text()[-3000:]}"
                try:
                    return (await client.get(f"{self.url}/readyz")).status_code == 200
                except httpx.HTTPError:
                    return False

            await poll(is_ready, within_s=READY_TIMEOUT_S, what=f"{self.name} is ready")

    def is_frozen(self) -> bool:
        """Return whether it is stopped by SIGSTOP."""
        return self.process is not None and psutil.Process(self.process.pid).status() == psutil.STATUS_STOPPED

    def log_text(self) -> str:
        return self.log.read_text()
