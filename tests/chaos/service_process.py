"""One service process: started, killed, frozen and started again under the same address."""

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
from tests.fork_server import Forked
from tests.polling import poll

READY_TIMEOUT_S: Final = 90.0


@dataclass(slots=True)
class ServiceProcess:
    """One service process: started, killed, frozen and started again under the same address."""

    name: str
    environment: Mapping[str, str]
    log: Path
    port: int
    process: Forked | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def exit_code(self) -> int | None:
        """The exit code of its present life, None while it lasts."""
        return self.process.poll() if self.process else None

    def start(self, *arguments: str, kill_point: str = "", **more: str) -> None:
        """Begin a life; ``dies`` names the window in which it is to end."""
        module = ["tests.chaos.kill_points", self.name, kill_point] if kill_point else [f"paidan_{self.name}"]
        settings = {f"{self.name}_{name}".upper(): value for name, value in more.items()}
        self.process = fork_server.start(
            *module, *arguments, environment={**self.environment, **settings}, out=self.log
        )
        ProcessIdentity.of(self.process.pid).write(self.log.parent / self.log.stem / "process.json")

    def send_signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def __post_init__(self) -> None:
        self.log.touch()

    def kill(self) -> None:
        """End it as a power cut would, frozen or not."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    async def wait_for_exit(self, *, timeout_s: float = READY_TIMEOUT_S) -> int:
        """Wait until it ends by itself, and give its exit code."""
        await poll(lambda: self.exit_code is not None, within_s=timeout_s, what=f"the end of {self.name}")
        assert self.exit_code is not None
        return self.exit_code

    async def wait_until_ready(self) -> None:
        """Wait until it answers and makes progress. An end before that fails with what it said."""
        async with httpx.AsyncClient(verify=False, timeout=5) as client:

            async def is_ready() -> bool:
                await asyncio.sleep(0.1)  # asking is dear, and slows down what is waited for
                assert self.exit_code is None, f"{self.name} ended with {self.exit_code}: {self.log_text()[-3000:]}"
                try:
                    return (await client.get(f"{self.url}/readyz")).status_code == 200
                except httpx.HTTPError:
                    return False

            await poll(is_ready, within_s=READY_TIMEOUT_S, what=f"{self.name} is ready")

    def is_frozen(self) -> bool:
        """Tell whether it stands still."""
        return self.process is not None and psutil.Process(self.process.pid).status() == psutil.STATUS_STOPPED

    def log_text(self) -> str:
        return self.log.read_text()
