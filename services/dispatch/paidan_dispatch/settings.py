"""Dispatch's settings, in addition to those of every service."""

from pydantic import Field

from paidan_chassis.settings import ServiceSettings, settings_config


class Settings(ServiceSettings):
    """Read from ``DISPATCH_*``."""

    model_config = settings_config("DISPATCH_")

    batch_records: int = Field(default=1000, ge=1, le=5000, description="Most records in one transaction.")
    dead_letter_limit: int = Field(default=100, ge=1, description="More an hour from the inbox halt its consumer.")
    answers_dead_letter_limit: int = Field(
        default=10_000,
        ge=1,
        description="Beyond so many an hour of one department and partition, 1 in 1,000 is kept, the rest counted.",
    )
    timers_per_claim: int = Field(default=500, ge=1, le=5000, description="Most timers appended to the inbox at once.")
