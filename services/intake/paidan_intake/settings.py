"""What intake must be told, from variables that start with INTAKE_."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr

from paidan_chassis.settings import ServiceSettings, settings_config


class Settings(ServiceSettings):
    """Intake's own settings beside those of every service."""

    model_config = settings_config("INTAKE_")

    link_key: SecretStr = Field(min_length=32, description="Secret that signs links to photos.")
    photos: Path = Field(description="Folder of the stored photos; it needs a backup of its own, as the vault does.")
    photo_workers: int = Field(default=2, ge=1, le=32, description="Photos decoded at the same time.")
    photos_waiting: int = Field(default=16, ge=1, description="Uploads in hand before further ones get 503.")
    upload_within_s: float = Field(default=60.0, gt=0, le=600, description="Slower uploads are given up: 408.")
    photo_bytes: int = Field(default=12_000_000, ge=10_000, description="Longest photo taken.")
    photo_pixels: int = Field(default=50_000_000, ge=10_000, description="Most pixels a photo may unfold to.")
    photo_side: int = Field(default=2560, ge=64, le=10_000, description="Stored photos are made no larger than this.")
    link_lasts_s: int = Field(default=3600, ge=1, description="How long a signed link opens its photo.")
    rate_per_s: Annotated[float, Field(gt=0)] = Field(default=5_000, description="Reports a second, each key's own.")
    rate_burst: int = Field(default=10_000, ge=1, description="Reports at once, each key's own.")
    batch_lines: int = Field(default=5_000, ge=1, le=100_000, description="Longest NDJSON batch, in lines.")
    batch_bytes: int = Field(default=20_000_000, ge=1_000)
    reports_waiting: int = Field(default=20_000, ge=1, description="Reports in hand before further ones get 503.")
    dead_letter_limit: int = Field(
        default=1_000, ge=1, description="So many dead letters within an hour halt a loop; strangers write alarms."
    )
    answer_within_s: float = Field(default=5.0, gt=0, le=60, description="Then 503: stored perhaps, to be sent again.")
    packs_reread_s: float = Field(default=1.0, gt=0, le=60, description="How soon a published city pack is used.")
