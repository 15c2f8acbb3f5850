"""A whole installation on the run's servers, driven by the `paidan` command as a person would."""

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
        """Run a command; its output is in the failure when it fails."""
        result = fork_server.run("paidan_deploy", *arguments, environment=self.environment, timeout_s=TIMEOUT_S)
        assert not check or result.returncode == 0, (
            f"paidan {arguments[0]}: {result.stdout[-2000:]}{result.stderr[-2000:]}"
        )
        return result

    def scores(self, *, city: str, period: str, by: str) -> dict[str, Any]:
        """Ask for scores as a program does."""
        found: dict[str, Any] = json.loads(
            self.run("scores", "--city", city, "--period", period, "--by", by, "--format", "json").stdout
        )
        return found


@contextmanager
def running_installation(
    home: Path, servers: ServerAddresses, *, database: str, prefix: str, cities: Path | None = None
) -> Iterator[CommandRunner]:
    """Bring an installation up, with other packs than the repository's where asked for, and take it down again."""
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
