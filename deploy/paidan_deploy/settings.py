"""Settings of the `paidan` command: the only reader of the environment in this member."""

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_settings import SettingsConfigDict

from paidan_chassis.clock import ClockKind
from paidan_chassis.kafka.security import KafkaSecuritySettings
from paidan_chassis.settings import describe_errors
from paidan_contracts.validation_zh import describe_in_chinese
from paidan_deploy.errors import DeployError

CHECKOUT: Final = Path(__file__).resolve().parents[2]


class InvalidSetting(DeployError):
    """A variable of the `paidan` command has a value that it cannot have."""


def _rename_clock(value: object) -> object:
    return "scaled" if value == "city" else value  # its name up to release 0.1


def default_home() -> Path:
    """Return the folder of the local stack: in the checkout, else in the working directory."""
    return (CHECKOUT if (CHECKOUT / "Makefile").exists() else Path.cwd()) / ".paidan"


class StackSettings(KafkaSecuritySettings):
    """Environment variables of the `paidan` command, with the prefix ``PAIDAN_``."""

    model_config = SettingsConfigDict(env_prefix="PAIDAN_", frozen=True, extra="ignore")

    home: Path = Field(default_factory=default_home, description="Folder of the local stack.")
    kafka: str | None = Field(default=None, description="Bootstrap servers of your own Kafka, host:port[,host:port].")
    database: str | None = Field(default=None, description="DSN of an owner of your own PostgreSQL database.")
    topic_prefix: str = Field(default="", pattern=r"^[A-Za-z0-9._-]*$")
    clock: Annotated[ClockKind, BeforeValidator(_rename_clock)] | None = Field(
        default=None,
        description="real: the machine's clock; scaled: the city's own, which a demonstration runs fast. By default"
        " the one that the installation was started with; at the first start scaled where all cities are demo cities.",
    )
    acl_principal: str = Field(
        default="User:{id}",
        pattern=r"^$|\{id\}",
        description="How Kafka's ACLs call a service, a department or a source by its id; blank: `paidan prepare` and"
        " `paidan city publish` create no ACLs.",
    )
    persons_issuer: str | None = Field(default=None, description="Issuer of persons' tokens; none: they are refused.")
    persons_jwks_url: str | None = Field(default=None, description="Address of the issuer's keys, if not its own.")
    cockpit: bool = Field(default=True, description="Whether `paidan up` runs the cockpit, the pages for people, too.")
    cities: Path = Field(default=CHECKOUT / "deploy" / "cities", description="Packs published on the first start.")
    check_every_s: float = Field(
        default=3600,
        ge=0,
        allow_inf_nan=False,
        description="How often the local stack runs `paidan verify`, in seconds; 0: never.",
    )


@cache
def load_settings() -> StackSettings:
    """Read the environment; later calls return the same settings. Raises InvalidSetting naming every such variable."""
    try:
        return StackSettings()
    except ValidationError as error:
        raise InvalidSetting("; ".join(_in_both_languages(error))) from None


def _in_both_languages(error: ValidationError) -> Iterator[str]:
    for message, problem in zip(describe_errors(error, "PAIDAN_"), error.errors(include_input=False), strict=True):
        # A check of ours has no more than its own text.
        is_ours = problem["type"] == "value_error"
        yield message if is_ours else f"{message} / {describe_in_chinese(problem['type'], problem.get('ctx', {}))}"


def inherited_environment() -> dict[str, str]:
    """Copy the environment for a child process."""
    return dict(os.environ)
