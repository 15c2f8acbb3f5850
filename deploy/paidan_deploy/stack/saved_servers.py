"""The servers that the stack was started with, stored for later commands in shells without these variables."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

from pydantic import SecretStr, TypeAdapter, ValidationError

from paidan_chassis.kafka.security import SaslMechanism
from paidan_deploy.errors import DeployError
from paidan_deploy.servers.atomic_files import write_atomically
from paidan_deploy.servers.dsn import redact_password
from paidan_deploy.settings import StackSettings


class OtherServersError(DeployError):
    """A variable names other servers than the running stack was started with."""


@dataclass(frozen=True, slots=True)
class SavedServers:
    """The servers that `paidan up` was given, and the login to Kafka; None: the stack's own. It may hold passwords."""

    kafka: str | None
    database: str | None
    topic_prefix: str
    kafka_sasl: SaslMechanism | None = None
    kafka_user: str = ""
    kafka_password: str = ""
    kafka_tls: bool = False
    kafka_ca: Path | None = None
    kafka_cert: Path | None = None
    kafka_key: Path | None = None

    @classmethod
    def from_settings(cls, settings: StackSettings) -> Self:
        return cls(**{name: _stored_value(getattr(settings, name)) for name in cls.__dataclass_fields__})

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Read a saved file; None when it is missing or invalid."""
        try:
            return TypeAdapter(cls).validate_json(path.read_bytes())
        except (OSError, ValidationError):
            return None

    def write(self, path: Path) -> None:
        """Write it, readable by its owner alone."""
        write_atomically(path, TypeAdapter(type(self)).dump_json(self).decode(), mode=0o600)

    def override(self, settings: StackSettings) -> StackSettings:
        """Return settings with these servers, whatever the environment names."""
        return settings.model_copy(update=_settings_values(asdict(self)))

    def merge(self, settings: StackSettings, *, running: bool) -> StackSettings:
        """Return settings with these servers where the environment names none.

        Raises OtherServersError for a variable that contradicts a running stack.
        """
        saved = _settings_values(asdict(self))
        for name, value in saved.items():
            if running and name in settings.model_fields_set and getattr(settings, name) != value:
                raise OtherServersError(_conflict_message(name, value))
        return settings.model_copy(
            update={name: value for name, value in saved.items() if name not in settings.model_fields_set}
        )


def _stored_value(value: Any) -> Any:  # noqa: ANN401 - any setting's
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _settings_values(saved: dict[str, Any]) -> dict[str, Any]:
    return saved | {"kafka_password": SecretStr(saved["kafka_password"])}


_OWN_SERVER_LABELS: Final = {
    "kafka": "a Kafka of its own 自带的 Kafka",
    "database": "a PostgreSQL of its own 自带的 PostgreSQL",
    "topic_prefix": "no prefix 无前缀",
}


def _conflict_message(name: str, value: object) -> str:
    shown = redact_password(str(value)) if value and name == "database" else value
    return (
        f"PAIDAN_{name.upper()} differs from what the running stack was started with"
        f" ({shown or _OWN_SERVER_LABELS.get(name, 'none 无')}): unset it, or run `paidan down` first"
        f" / PAIDAN_{name.upper()} 与启动本地栈时所用的（{shown or _OWN_SERVER_LABELS.get(name, 'none 无')}）不同："
        "请取消设置，或先执行 `paidan down`"
    )
