"""The cockpit's settings, its database schema and its consumer group."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from paidan_chassis.edge.person_token_signer import PersonTokenSigner
from paidan_chassis.settings import HttpUrl, ServiceSettings, VaultKey, VaultKeys, settings_config

SCHEMA: Final = "cockpit"
CONSUMER: Final = "cockpit"
"""The consumer group; its lanes' positions are stored under it, so it must never change."""
Language = Literal["zh", "en"]
_TILE_PLACES: Final = ("{z}", "{x}", "{y}")
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


def _require_tile_places(address: str) -> str:
    rest = address
    for place in _TILE_PLACES:
        rest = rest.replace(place, "")
    host = urlsplit(address).netloc
    if not all(place in address for place in _TILE_PLACES) or set("{}") & {*rest, *host}:
        raise ValueError("must have {z}, {x} and {y} after the host, and no other brace")
    return address


TileAddress = Annotated[HttpUrl, AfterValidator(_require_tile_places)]


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """The provider at which persons sign in, and what it knows this cockpit by."""

    issuer: str
    client_id: str
    client_secret: SecretStr
    answer_within_s: float


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
    identity_old_keys: VaultKeys = Field(
        default=SecretStr(""),
        description="Former signing keys that are published no more; subjects stored under them are still found.",
    )
    web_libraries: Path | None = Field(
        default=None, description="Folder of htmx and the other libraries; without it pages work without script."
    )
    map_tiles: TileAddress | None = Field(
        default=None, description="Address of map tiles with {z}, {x} and {y}; without it maps show borders alone."
    )
    map_attribution: str = Field(
        default="", max_length=300, description="Whose map tiles they are, as their terms want it said beneath maps."
    )
    language: Language = Field(default="zh", description="Of a person whose browser asks for no language we have.")
    session_hours: float = Field(default=12, gt=0, le=168, description="After so long one has to sign in again.")
    idle_minutes: float = Field(
        default=120, gt=0, le=1440, description="After so long without a page, too; an open overview counts as one."
    )
    oidc_issuer: HttpUrl | None = Field(
        default=None, description="OpenID Connect provider at which persons sign in; without it, by links alone."
    )
    oidc_client_id: str = Field(default="", max_length=300, description="What the provider knows this cockpit by.")
    oidc_client_secret: SecretStr = Field(
        default=SecretStr(""), description="Empty for a provider that knows it as a public client."
    )
    answer_within_s: float = Field(default=5, gt=0, le=60, description="How long another service may take to answer.")

    @model_validator(mode="after")
    def _require_a_whole_provider(self) -> Self:
        if self.oidc_issuer is None:
            return self
        address = urlsplit(self.oidc_issuer)
        if address.scheme != "https" and address.hostname not in _LOOPBACK:
            raise ValueError("oidc_issuer must be an https address")
        if not self.oidc_client_id:
            raise ValueError("oidc_issuer needs oidc_client_id")
        return self

    def oidc(self) -> OidcSettings | None:
        """Return the provider's settings; None where persons sign in by links alone."""
        if self.oidc_issuer is None:
            return None
        return OidcSettings(self.oidc_issuer, self.oidc_client_id, self.oidc_client_secret, self.answer_within_s)

    def token_signer(self) -> PersonTokenSigner:
        """Return the signer of persons' tokens."""
        return PersonTokenSigner.from_base64(
            self.persons_issuer, self.persons_audience, self.token_key, self.token_old_keys
        )
