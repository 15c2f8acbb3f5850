"""A sample service as a process, which a test starts, asks and stops."""

import json
import signal
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError

from tests.fork_server import ForkedProcess
from tests.polling import poll_blocking


@dataclass
class SampleProcess:
    """A running sample service, and its output."""

    process: ForkedProcess
    out: Path
    err: Path

    def lines(self) -> list[dict[str, Any]]:
        """Read its log so far; every line must be JSON."""
        return [json.loads(line) for line in self.out.read_text().splitlines()]

    def log_text(self, event: str) -> dict[str, Any] | None:
        """Return the first line of this event."""
        return next((line for line in self.lines() if line["event"] == event), None)

    def wait_for(self, event: str) -> dict[str, Any]:
        """Wait until it logs this event, and return the line."""
        found = poll_blocking(lambda: self.log_text(event), within_s=45, what=f"the service logs {event}")
        assert found is not None
        return found

    def get(self, path: str) -> tuple[int, str]:
        """Return status and body of a GET request to its edge."""
        port = self.wait_for("process_started")["port"]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except URLError:
            return 0, ""

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(45)


StartProcess = Callable[..., SampleProcess]
