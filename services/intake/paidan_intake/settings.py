"""Intake's settings, from variables with the prefix INTAKE_."""

from pathlib import Path

from pydantic import Field, SecretStr

from paidan_chassis.encryption import parse_key, parse_keys
from paidan_chassis.settings import ServiceSettings, VaultKey, VaultKeys, settings_config
from paidan_intake.report_digest import DigestKeys


class Settings(ServiceSettings):
    """Intake's settings in addition to those of every service."""

    model_config = settings_config("INTAKE_")

    link_key: SecretStr = Field(min_length=32, description="Secret with which links to photos are signed.")
    digest_key: VaultKey | None = Field(
        default=None,
        description="Keys the digests by which retries are told from other content: 32 bytes in base64;"
        " without it, keys derived from the vault's do.",
    )
    digest_old_keys: VaultKeys = Field(
        default=SecretStr(""), description="Former digest keys, comma-separated, for retries of what came under them."
    )
    vault_accesses_per_h: int = Field(
        default=60, ge=1, description="Most accesses of each API key to personal data within an hour; then 429."
    )
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
    batch_lines: int = Field(default=5_000, ge=1, le=100_000, description="Most lines of an NDJSON batch.")
    batch_bytes: int = Field(default=20_000_000, ge=1_000)
    reports_waiting: int = Field(default=20_000, ge=1, description="Most pending reports; further ones get 503.")
    dead_letter_limit: int = Field(
        default=1_000,
        ge=1,
        description="Beyond so many an hour of one sender and partition, 1 in 1,000 is kept, the rest counted.",
    )
    answer_within_s: float = Field(default=5.0, gt=0, le=60, description="Then 503: perhaps stored, to be sent again.")
    packs_reread_s: float = Field(default=1.0, gt=0, le=60, description="How often published city packs are polled.")

    def digest_keys(self) -> DigestKeys:
        """Return the keys of digests, newest first."""
        newest = [parse_key(self.digest_key)] if self.digest_key else []
        encryption_keys = [parse_key(self.vault_key), *parse_keys(self.vault_old_keys)]
        return DigestKeys.of([*newest, *parse_keys(self.digest_old_keys)], encryption_keys)
