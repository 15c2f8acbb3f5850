"""What the supervisor tells everybody else: one small file, replaced whole."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from paidan_deploy.servers.atomic_files import write_atomically
from paidan_deploy.servers.process import ProcessIdentity

Phase = Literal["starting", "ready", "stopping", "stopped", "failed"]
Condition = Literal["starting", "running", "waiting", "halted", "misconfigured", "stopped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceState:
    """One service as the supervisor sees it."""

    name: str
    url: str
    condition: Condition
    pid: int | None = None
    instance: str = ""
    restarts: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerState:
    """A Kafka or PostgreSQL: started by us, or the user's own (then without a pid)."""

    address: str
    pid: int | None = None
    folder: str | None = None

    @property
    def is_dead(self) -> bool:
        """Say that it is ours and does not run; of the user's own we know nothing."""
        return self.folder is not None and self.pid is None


@dataclass(frozen=True, slots=True, kw_only=True)
class StackState:
    """The whole stack. It holds no secret: PostgreSQL's address is without a password."""

    supervisor: ProcessIdentity
    phase: Phase
    message: str = ""
    kafka: ServerState | None = None
    postgres: ServerState | None = None
    services: tuple[ServiceState, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_alive(self) -> bool:
        """Say whether the supervisor that wrote this still lives."""
        return self.supervisor.find() is not None

    def write(self, path: Path) -> None:
        write_atomically(path, json.dumps(asdict(self), indent=2))


_STATE_ADAPTER = TypeAdapter(StackState)


def read_state(path: Path) -> StackState | None:
    """Read what the last supervisor said; None when there was none, or its words are not ours."""
    try:
        return _STATE_ADAPTER.validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
