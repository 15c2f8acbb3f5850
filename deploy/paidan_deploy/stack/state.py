"""The supervisor's published state: one small file, replaced whole."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final, Literal

from pydantic import TypeAdapter, ValidationError

from paidan_deploy.servers.atomic_files import write_atomically
from paidan_deploy.servers.process import ProcessIdentity
from paidan_deploy.stack.code_names import named

Phase = Literal["starting", "ready", "stopping", "stopped", "failed"]
Condition = Literal["starting", "running", "waiting", "halted", "misconfigured", "stopped"]
CONDITION_NAMES: Final[Mapping[Condition, str]] = {
    "starting": "starting 启动中",
    "running": "running 运行中",
    "waiting": "waiting 等待重启",
    "halted": "halted 停机",
    "misconfigured": "misconfigured 配置有误",
    "stopped": "stopped 已停止",
}
"""As people are shown them."""
OTHER_PROCESS: Final = "another process answers on port {port} / 端口 {port} 上是另一个程序在应答"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceState:
    """State of one service."""

    name: str
    url: str
    condition: Condition
    pid: int | None = None
    instance: str = ""
    restarts: int = 0
    detail: str = ""

    @property
    def answers(self) -> bool:
        """Whether its edge serves: a service of which a loop is halted goes on otherwise."""
        return self.condition == "running" or (self.condition == "halted" and self.pid is not None)

    def with_halted_loops(self, halted: Mapping[str, str]) -> "ServiceState":
        """Return the state of a service that answers, whose loops are halted for these reasons."""
        condition: Condition = "halted" if halted else "running"
        loops = ", ".join(f"loop 循环 {name}: {named(reason)}" for name, reason in sorted(halted.items()))
        return replace(self, condition=condition, detail=f"{loops}; all else goes on / 其余照常" if halted else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerState:
    """State of Kafka or PostgreSQL: our own, or the user's (then without pid and folder)."""

    address: str
    pid: int | None = None
    folder: str | None = None

    @property
    def is_dead(self) -> bool:
        """Whether it is our own and does not run; never true of the user's, which is not probed."""
        return self.folder is not None and self.pid is None


@dataclass(frozen=True, slots=True, kw_only=True)
class StackState:
    """State of the whole stack, without secrets: PostgreSQL's address has no password."""

    supervisor: ProcessIdentity
    phase: Phase
    message: str = ""
    kafka: ServerState | None = None
    postgres: ServerState | None = None
    services: tuple[ServiceState, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_alive(self) -> bool:
        """Whether the supervisor that wrote this still runs."""
        return self.supervisor.find() is not None

    def write(self, path: Path) -> None:
        write_atomically(path, json.dumps(asdict(self), indent=2))


_STATE_ADAPTER = TypeAdapter(StackState)


def read_state(path: Path) -> StackState | None:
    """Read the last published state; None when it is missing or invalid."""
    try:
        return _STATE_ADAPTER.validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
