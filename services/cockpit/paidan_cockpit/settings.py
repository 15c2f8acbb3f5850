"""The cockpit's settings, its database schema and its consumer group."""

from pathlib import Path
from typing import Final, Literal

from pydantic import Field, SecretStr

from paidan_chassis.edge.person_token_signer import PersonTokenSigner
from paidan_chassis.settings import HttpUrl, ServiceSettings, VaultKey, VaultKeys, settings_config

SCHEMA: Final = "cockpit"
CONSUMER: Final = "cockpit"
"""The consumer group; its lanes' positions are stored under it, so it must never change."""
Language = Literal["zh", "en"]


class Settings(ServiceSettings):
    """Read from ``COCKPIT_*``."""

    model_config = settings_config("COCKPIT_")

    batch_records: int = Field(default=2000, ge=1, le=20_000, description="Records taken into one transaction at most.")
    dead_letter_limit: int = Field(default=100, ge=1, description="More within an hour halt the loop.")
    intake: HttpUrl = Field(default="http://127.0.0.1:8101", description="Address of intake's HTTP edge.")
    dispatch: HttpUrl = Field(default="http://127.0.0.1:8102", description="Address of dispatch's HTTP edge.")
    scoring: HttpUrl = Field(default="http://127.0.0.1:8103", description="Address of scoring's HTTP edge.")
    persons_issuer: HttpUrl = Field(
        default="http://127.0.0.1:8104", description="This cockpit's address, as it names itself in persons' tokens."
    )
    token_key: VaultKey = Field(description="Signs persons' tokens: 32 bytes in base64.")
    token_old_keys: VaultKeys = Field(
        default=SecretStr(""), description="Former signing keys, comma-separated, still published."
    )
    web_libraries: Path | None = Field(
        default=None, description="Folder of htmx and the other libraries; without it pages work without script."
    )
    map_tiles: HttpUrl | None = Field(
        default=None, description="Address of map tiles with {z}, {x} and {y}; without it maps show borders alone."
    )
    language: Language = Field(default="zh", description="Of a visitor whose browser asks for no language we have.")
    session_hours: float = Field(default=12, gt=0, le=168, description="After so long one has to sign in again.")
    idle_minutes: float = Field(default=120, gt=0, le=1440, description="After so long without a page, too.")
    answer_within_s: float = Field(default=5, gt=0, le=60, description="How long another service may take to answer.")

    def token_signer(self) -> PersonTokenSigner:
        """Return the signer of persons' tokens."""
        return PersonTokenSigner.from_base64(
            self.persons_issuer, self.persons_audience, self.token_key, self.token_old_keys
        )
