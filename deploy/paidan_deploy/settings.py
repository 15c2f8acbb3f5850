"""Where the local stack lives and which servers it uses: the only reader of the environment in this member."""

import os
from functools import cache
from pathlib import Path
from typing import Final, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

CHECKOUT: Final = Path(__file__).resolve().parents[2]


def default_home() -> Path:
    """Name the folder of everything the stack makes: in the checkout, else in the working folder."""
    return (CHECKOUT if (CHECKOUT / "Makefile").exists() else Path.cwd()) / ".paidan"


class Settings(BaseSettings):
    """What a person can set for the `paidan` command."""

    model_config = SettingsConfigDict(env_prefix="PAIDAN_", frozen=True, extra="ignore")

    home: Path = Field(default_factory=default_home, description="Everything the stack makes lies here.")
    kafka: str | None = Field(default=None, description="Bootstrap servers of your own Kafka, host:port[,host:port].")
    database: str | None = Field(default=None, description="DSN of an owner of your own PostgreSQL database.")
    topic_prefix: str = Field(default="", pattern=r"^[A-Za-z0-9._-]*$")
    clock: Literal["city", "real"] = Field(
        default="city",
        description="city: a clock of the city's own, which a demonstration runs fast; real: the machine's.",
    )
    cities: Path = Field(default=CHECKOUT / "deploy" / "cities", description="Packs published on the first start.")


@cache
def load_settings() -> Settings:
    """Read the environment, once."""
    return Settings()


def inherited_environment() -> dict[str, str]:
    """Copy the environment for a child process."""
    return dict(os.environ)
