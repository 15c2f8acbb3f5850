"""Which servers the stack was started with, kept for commands of a later shell, where nobody has set them again."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

from pydantic import TypeAdapter, ValidationError

from paidan_deploy.errors import DeployError
from paidan_deploy.servers.atomic_files import write_atomically
from paidan_deploy.servers.dsn import redact_password
from paidan_deploy.settings import Settings


class OtherServersError(DeployError):
    """A variable names other servers than those that the running stack was started with."""


@dataclass(frozen=True, slots=True)
class SavedServers:
    """What `paidan up` was told of servers; None: the stack's own. The DSN may hold a password."""

    kafka: str | None
    database: str | None
    topic_prefix: str

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        return cls(settings.kafka, settings.database, settings.topic_prefix)

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Read what was kept; None when nothing was, or not by us."""
        try:
            return TypeAdapter(cls).validate_json(path.read_bytes())
        except (OSError, ValidationError):
            return None

    def write(self, path: Path) -> None:
        """Keep it for the owner's eyes alone."""
        write_atomically(path, TypeAdapter(type(self)).dump_json(self).decode(), mode=0o600)

    def override(self, settings: Settings) -> Settings:
        """Give the settings of whoever works with that stack, whatever is set now."""
        return settings.model_copy(update=asdict(self))

    def merge(self, settings: Settings, *, running: bool) -> Settings:
        """Give the settings of a later command: what is set, and what is remembered where nothing is.

        Raises OtherServersError for a variable that contradicts a running stack.
        """
        saved: dict[str, Any] = asdict(self)
        for name, value in saved.items():
            if running and name in settings.model_fields_set and getattr(settings, name) != value:
                raise OtherServersError(_conflict_message(name, value))
        return settings.model_copy(
            update={name: value for name, value in saved.items() if name not in settings.model_fields_set}
        )


_OWN_SERVER_LABELS: Final = {
    "kafka": "a Kafka of its own",
    "database": "a PostgreSQL of its own",
    "topic_prefix": "no prefix",
}


def _conflict_message(name: str, value: str | None) -> str:
    shown = redact_password(value) if value and name == "database" else value
    return (
        f"PAIDAN_{name.upper()} is another than the stack that runs was started with"
        f" ({shown or _OWN_SERVER_LABELS[name]}): unset it, or `paidan down` first"
    )
