"""Intake's settings, from variables with the prefix INTAKE_."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr

from paidan_chassis.settings import ServiceSettings, settings_config


class Settings(ServiceSettings):
    """Intake's settings in addition to those of every service."""

    model_config = settings_config("INTAKE_")

    link_key: SecretStr = Field(min_length=32, description="Secret with which links to photos are signed.")
    photos: Path = Field(description="Folder of the stored photos; it needs its own backup, as the vault does.")
    photo_workers: int = Field(default=2, ge=1, le=32, description="Photos decoded at the same time.")
    photos_waiting: int = Field(default=16, ge=1, description="Most concurrent uploads; further ones get 503.")
    upload_within_s: float = Field(default=60.0, gt=0, le=600, description="Slower uploads get 408.")
    photo_bytes: int = Field(default=12_000_000, ge=10_000, description="Most bytes of an uploaded photo.")
    photo_pixels: int = Field(default=50_000_000, ge=10_000, description="Most pixels of an uploaded photo.")
    photo_side: int = Field(default=2560, ge=64, le=10_000, description="Most pixels of a stored photo's longer side.")
    link_lasts_s: int = Field(
        default=900,
        ge=1,
        description="How long a signed link is valid, and the photo may be cached by whom it was given to.",
    )
    rate_per_s: Annotated[float, Field(gt=0)] = Field(
        default=5_000, description="Rate limit of each API key, in requests or lines of batches a second."
    )
    rate_burst: int = Field(default=10_000, ge=1, description="Most requests or lines of each API key at once.")
    batch_lines: int = Field(default=5_000, ge=1, le=100_000, description="Most lines of an NDJSON batch.")
    batch_bytes: int = Field(default=20_000_000, ge=1_000)
    reports_waiting: int = Field(default=20_000, ge=1, description="Most pending reports; further ones get 503.")
    dead_letter_limit: int = Field(
        default=1_000, ge=1, description="More dead letters within an hour halt a consumer; other systems write alarms."
    )
    answer_within_s: float = Field(default=5.0, gt=0, le=60, description="Then 503: perhaps stored, to be sent again.")
    packs_reread_s: float = Field(default=1.0, gt=0, le=60, description="How often published city packs are polled.")
