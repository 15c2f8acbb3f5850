"""Restarts our own Kafka and PostgreSQL when they die."""

import logging
import time
from dataclasses import dataclass
from typing import TypeAlias

from paidan_deploy.errors import DeployError
from paidan_deploy.servers.kafka import KafkaServer
from paidan_deploy.servers.postgres import PostgresServer
from paidan_deploy.stack.service_process import FIRST_BACKOFF_S, MAX_BACKOFF_S

log = logging.getLogger("paidan")

OwnServer: TypeAlias = PostgresServer | KafkaServer | None
"""None: somebody else's."""


@dataclass(slots=True)
class ServerRestarts:
    """Restarts dead servers; where that fails, as on a full disk, it retries with back-off."""

    notes: tuple[str, ...] = ()
    """What could not be restarted, and why."""
    _due_at: float = 0.0
    _backoff_s: float = FIRST_BACKOFF_S

    def tick(self, *servers: OwnServer) -> bool:
        """Restart those that died; return whether it was time to look."""
        if time.monotonic() < self._due_at:
            return False
        self.notes = tuple(filter(None, map(_restart_if_dead, servers)))
        self._backoff_s = min(self._backoff_s * 2, MAX_BACKOFF_S) if self.notes else FIRST_BACKOFF_S
        self._due_at = time.monotonic() + max(self._backoff_s, 1.0)
        return True


def _restart_if_dead(server: OwnServer) -> str:
    if server is None or server.process is not None:
        return ""
    name = type(server).__name__.removesuffix("Server")
    log.warning("%s died and is restarted", name)
    try:
        server.start()
    except (OSError, DeployError) as error:
        log.warning("%s could not be restarted and is retried: %s", name, error)
        return f"{name} died, still retrying its restart / {name} 已退出，仍在尝试重启: {error}"
    return ""
