"""Settings of the `paidan` command: the only reader of the environment in this member."""

import os
from functools import cache
from pathlib import Path
from typing import Final, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

CHECKOUT: Final = Path(__file__).resolve().parents[2]


def default_home() -> Path:
    """Return the folder of the local stack: in the checkout, else in the working directory."""
    return (CHECKOUT if (CHECKOUT / "Makefile").exists() else Path.cwd()) / ".paidan"


class StackSettings(BaseSettings):
    """Environment variables of the `paidan` command, with the prefix ``PAIDAN_``."""

    model_config = SettingsConfigDict(env_prefix="PAIDAN_", frozen=True, extra="ignore")

    home: Path = Field(default_factory=default_home, description="Folder of the local stack.")
    kafka: str | None = Field(default=None, description="Bootstrap servers of your own Kafka, host:port[,host:port].")
    database: str | None = Field(default=None, description="DSN of an owner of your own PostgreSQL database.")
    topic_prefix: str = Field(default="", pattern=r"^[A-Za-z0-9._-]*$")
    clock: Literal["city", "real"] = Field(
        default="city",
        description="city: the city's own clock, which a demonstration runs fast; real: the machine's.",
    )
    cities: Path = Field(default=CHECKOUT / "deploy" / "cities", description="Packs published on the first start.")


@cache
def load_settings() -> StackSettings:
    """Read the environment; later calls return the same settings."""
    return StackSettings()


def inherited_environment() -> dict[str, str]:
    """Copy the environment for a child process."""
    return dict(os.environ)
