"""Runs the `paidan` command with a home of its own, and reads the resulting state."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paidan_deploy.paths import StackPaths
from paidan_deploy.servers.reap import reap
from paidan_deploy.stack.state import StackState, read_state
from tests import fork_server
from tests.servers import CACHE

TIMEOUT_S = 180


@dataclass(frozen=True, slots=True)
class PaidanCommand:
    """The `paidan` command with a home of its own; of the PAIDAN variables only those in ``set`` are set."""

    paths: StackPaths
    set: Mapping[str, str]

    @property
    def environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PAIDAN_")}
        return inherited | {"PAIDAN_HOME": str(self.paths.root), **self.set}

    def __call__(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        result = fork_server.run("paidan_deploy", *arguments, environment=self.environment, timeout_s=TIMEOUT_S)
        if check and result.returncode != 0:
            raise AssertionError(f"paidan {' '.join(arguments)} failed: {result.stderr}\n{self._log_tails()}")
        return result

    def _log_tails(self) -> str:
        """Return the ends of all logs: the files are removed after the tests."""
        logs = {path.name: path.read_text(errors="replace")[-2000:] for path in sorted(self.paths.log.glob("*.log"))}
        return "\n".join(f"--- {name}\n{end}" for name, end in logs.items())

    @contextmanager
    def start(self, *arguments: str, output: Path) -> "Iterator[subprocess.Popen[bytes]]":
        """Start it as a shell script starts background jobs, ignoring SIGINT, with its output in a file.

        It is ended with the context: a test that fails would wait for it.
        """
        argv = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", sys.executable, "-m", "paidan_deploy", *arguments]
        with output.open("wb") as file, subprocess.Popen(argv, env=self.environment, stdout=file, stderr=file) as child:
            try:
                yield child
            finally:
                child.terminate()

    def status(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self("status", "--json", check=False).stdout)
        return answer

    @property
    def state(self) -> StackState:
        state = read_state(self.paths.state)
        assert state is not None
        return state

    def condition(self, name: str) -> str:
        return next(each.condition for each in self.state.services if each.name == name)

    def pids(self) -> dict[str, int]:
        state = self.state
        servers = {"kafka": state.kafka, "postgres": state.postgres}
        found = {name: server.pid for name, server in servers.items() if server is not None}
        found |= {each.name: each.pid for each in state.services} | {"supervisor": state.supervisor.pid}
        return {name: pid for name, pid in found.items() if pid is not None}


@contextmanager
def command_with_home(folder: Path, **given: str) -> Iterator[PaidanCommand]:
    """Yield the command with a fresh home, and stop everything at the end."""
    paths = StackPaths(folder)
    paths.log.mkdir(parents=True)
    paths.cache.symlink_to(CACHE)
    command = PaidanCommand(paths, {f"PAIDAN_{name}".upper(): value for name, value in given.items()})
    try:
        yield command
    finally:
        command("down", "--wipe", check=False)
        reap(paths.root)
