"""A whole installation on the test run's servers, operated with the `paidan` command."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paidan_deploy.servers.reap import reap
from tests import fork_server
from tests.servers import CACHE, ServerAddresses

TIMEOUT_S = 420


@dataclass(frozen=True, slots=True)
class CommandRunner:
    """The `paidan` command with a home, a database and a topic prefix of its own."""

    home: Path
    environment: dict[str, str]

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command; a failure shows its output."""
        result = fork_server.run("paidan_deploy", *arguments, environment=self.environment, timeout_s=TIMEOUT_S)
        assert not check or result.returncode == 0, (
            f"paidan {arguments[0]}: {result.stdout[-2000:]}{result.stderr[-2000:]}"
        )
        return result

    def scores(self, *, city: str, period: str, by: str) -> dict[str, Any]:
        """Return scores as the command prints them in JSON."""
        found: dict[str, Any] = json.loads(
            self.run("scores", "--city", city, "--period", period, "--by", by, "--format", "json").stdout
        )
        return found


@contextmanager
def running_installation(
    home: Path, servers: ServerAddresses, *, database: str, prefix: str, cities: Path | None = None
) -> Iterator[CommandRunner]:
    """Start an installation, optionally with other packs than the repository's, and stop it at the end."""
    home.mkdir(parents=True)
    (home / "cache").symlink_to(CACHE)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PAIDAN_")}
    environment = inherited | {
        "PAIDAN_HOME": str(home),
        "PAIDAN_KAFKA": servers.kafka,
        "PAIDAN_DATABASE": database,
        "PAIDAN_TOPIC_PREFIX": prefix,
        "COLUMNS": "200",
        **({"PAIDAN_CITIES": str(cities)} if cities else {}),
    }
    runner = CommandRunner(home, environment)
    runner.run("up", "--detach")
    try:
        yield runner
    finally:
        runner.run("down", check=False)
        reap(home)
