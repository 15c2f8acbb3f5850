"""Scoring's settings, its database schema and its consumer group."""

from typing import Annotated, Final

from pydantic import Field

from paidan_chassis.settings import ServiceSettings, settings_config

SCHEMA: Final = "scoring"
CONSUMER: Final = "scoring"
"""The consumer group; its lanes' positions are stored under it, so it must never change."""


class Settings(ServiceSettings):
    """Read from ``SCORING_*``."""

    model_config = settings_config("SCORING_")

    rate_per_s: Annotated[float, Field(gt=0)] = Field(
        default=500,
        description="Rate limit of each API key, in requests a second: sums over a year cost more than a row.",
    )
    rate_burst: int = Field(default=2_000, ge=1, description="Most requests of each API key at once.")
    batch_records: int = Field(default=8000, ge=1, le=20_000, description="Records taken into one transaction at most.")
    dead_letter_limit: int = Field(default=100, ge=1, description="More within an hour halt the loop.")
    publish_every_s: float = Field(
        default=2.0, gt=0, le=3600, description="Scores that changed are published together, so often at most."
    )
