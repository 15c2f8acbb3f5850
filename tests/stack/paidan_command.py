"""The `paidan` command as a person gives it, and the state that it leads to."""

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
from tests import forking
from tests.servers import CACHE

TIMEOUT_S = 180


@dataclass(frozen=True, slots=True)
class PaidanCommand:
    """The `paidan` command with a home of its own and the environment of a person who has set nothing else."""

    paths: StackPaths
    set: Mapping[str, str]

    @property
    def environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PAIDAN_")}
        return inherited | {"PAIDAN_HOME": str(self.paths.root), **self.set}

    def __call__(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        result = forking.run("paidan_deploy", *arguments, environment=self.environment, timeout_s=TIMEOUT_S)
        if check and result.returncode != 0:
            raise AssertionError(f"paidan {' '.join(arguments)} said {result.stderr}\n{self._log_tails()}")
        return result

    def _log_tails(self) -> str:
        """Give the ends of all logs: at the end of the tests they are gone with everything else."""
        logs = {path.name: path.read_text(errors="replace")[-2000:] for path in sorted(self.paths.log.glob("*.log"))}
        return "\n".join(f"--- {name}\n{end}" for name, end in logs.items())

    def start(self, *arguments: str, output: Path) -> "subprocess.Popen[bytes]":
        """Start it as a script does in the background, deaf to Ctrl-C, and go on; what it says is in a file."""
        with output.open("wb") as file:
            argv = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", sys.executable, "-m", "paidan_deploy", *arguments]
            return subprocess.Popen(argv, env=self.environment, stdout=file, stderr=file)

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
    """Give the command a home of its own in which nothing was ever up; at the end nothing of it runs."""
    paths = StackPaths(folder)
    paths.log.mkdir(parents=True)
    paths.cache.symlink_to(CACHE)
    command = PaidanCommand(paths, {f"PAIDAN_{name}".upper(): value for name, value in given.items()})
    try:
        yield command
    finally:
        command("down", "--wipe", check=False)
        reap(paths.root)
