"""Paths in `.paidan`, the folder of the local stack."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class StackPaths:
    """The folder `.paidan`."""

    root: Path

    @property
    def cache(self) -> Path:
        """Downloads; they survive a wipe."""
        return self.root / "cache"

    @property
    def kafka(self) -> Path:
        return self.root / "kafka"

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def secrets(self) -> Path:
        return self.root / "secrets"

    @property
    def photos(self) -> Path:
        return self.root / "photos"

    @property
    def web(self) -> Path:
        """The libraries of web pages, of the user that services run as."""
        return self.root / "web"

    @property
    def log(self) -> Path:
        return self.root / "log"

    @property
    def services(self) -> Path:
        """Process identities: one folder for each service, one for the supervisor."""
        return self.root / "services"

    @property
    def imports(self) -> Path:
        """Reports of imports: what was not imported completely, line by line."""
        return self.root / "imports"

    @property
    def state(self) -> Path:
        return self.root / "state.json"

    @property
    def saved_servers(self) -> Path:
        """The servers the stack was started with; it may hold a password."""
        return self.root / "servers.json"

    @property
    def lock(self) -> Path:
        return self.root / "supervisor.lock"
