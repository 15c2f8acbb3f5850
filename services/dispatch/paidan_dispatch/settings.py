"""What dispatch must be told: the settings of every service, and the few of its own."""

from pydantic import Field

from paidan_chassis.settings import ServiceSettings, settings_config


class Settings(ServiceSettings):
    """Read from ``DISPATCH_*``."""

    model_config = settings_config("DISPATCH_")

    batch_records: int = Field(default=1000, ge=1, le=5000, description="Records taken into one transaction at most.")
    dead_letter_limit: int = Field(default=100, ge=1, description="So many dead letters an hour halt the lanes.")
    answers_dead_letter_limit: int = Field(
        default=10_000,
        ge=1,
        description="Likewise the desk: one department's broken client must not silence the others.",
    )
    timers_per_claim: int = Field(default=500, ge=1, le=5000, description="Timers appended to the inbox at once.")
