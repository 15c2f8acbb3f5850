"""The settings of every service, read from the environment; unknown variables are rejected."""

import difflib
import os
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import SettingsConfigDict

from paidan_chassis.clock import ClockKind
from paidan_chassis.consumer.config import DEFAULT_TUNING, ConsumerTuning
from paidan_chassis.edge.issuer_keys import PersonTokenVerifier, ScopeFault
from paidan_chassis.edge.person_token_signer import JWKS_PATH
from paidan_chassis.encryption import Cipher, parse_key, parse_keys
from paidan_chassis.errors import Misconfigured
from paidan_chassis.kafka.cluster import KafkaCluster, TopicDeclaration
from paidan_chassis.kafka.security import KafkaSecuritySettings


def _validate_key(value: SecretStr) -> SecretStr:
    parse_key(value)
    return value


def _validate_keys(value: SecretStr) -> SecretStr:
    parse_keys(value)
    return value


HttpUrl = Annotated[str, Field(pattern=r"^https?://[^/]\S*$", max_length=300)]
LogLevel = Literal["debug", "info", "warning", "error"]
Port = Annotated[int, Field(ge=0, le=65535)]
VaultKey = Annotated[SecretStr, AfterValidator(_validate_key)]
VaultKeys = Annotated[SecretStr, AfterValidator(_validate_keys)]


class ServiceSettings(KafkaSecuritySettings):
    """The settings common to all services. Subclasses set ``model_config = settings_config("INTAKE_")``."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    kafka: str = Field(min_length=1, description="Bootstrap servers, host:port, comma-separated.")
    database: SecretStr = Field(description="DSN of PostgreSQL with this service's own role.")
    vault_key: VaultKey = Field(description="Encrypts personal data: 32 bytes in base64, this service's own.")
    vault_old_keys: VaultKeys = Field(
        default=SecretStr(""), description="Former keys, comma-separated, which only decrypt."
    )
    topic_prefix: str = Field(default="", pattern=r"^[a-zA-Z0-9._-]*$", description="Prefix of every topic's name.")
    host: str = Field(default="127.0.0.1", description="Address the HTTP edge listens on; by default local.")
    port: Port = Field(description="Port of the HTTP edge; 0 lets the system choose.")
    tls_cert: Path | None = Field(
        default=None, description="PEM file of the HTTP edge's certificate and its chain; without it, plain HTTP."
    )
    tls_key: Path | None = Field(default=None, description="PEM file of the private key of that certificate.")
    instance: str = Field(
        default="",
        max_length=64,
        pattern=r"^[a-zA-Z0-9]*$",
        description="Returned by the probes, so that a supervisor recognizes the process that it started.",
    )
    log_level: LogLevel = "info"
    access_log: Literal["failed", "all", "none"] = "failed"
    persons_issuer: HttpUrl | None = Field(
        default=None, description="Who issues persons' tokens, as their `iss` says it; without it, they are refused."
    )
    persons_audience: str = Field(
        default="paidan", min_length=1, max_length=100, description="This installation, as the tokens' `aud` names it."
    )
    persons_jwks_url: HttpUrl | None = Field(
        default=None, description=f"Address of the issuer's public keys; by default {JWKS_PATH} at the issuer."
    )
    clock: ClockKind = Field(default="real", description="scaled: use the clock in schema cities.")
    rate_per_s: Annotated[float, Field(gt=0)] = Field(
        default=5_000, description="Rate limit of each API key, in requests or lines of batches a second."
    )
    rate_burst: int = Field(default=10_000, ge=1, description="Most requests or lines of each API key at once.")
    pool_size: int = Field(default=8, ge=2, le=64, description="Connections to PostgreSQL.")
    stop_within_s: float = Field(default=8.0, gt=0, le=120, description="How long a graceful stop may take.")
    stalls_after_s: float = Field(
        default=60.0, ge=1, description="After this time without progress a loop ends the process."
    )
    figures_every_s: float = Field(default=20.0, ge=0.1, description="How often the city's figures are counted anew.")
    session_timeout_ms: int = Field(
        default=6000, ge=1000, le=60_000, description="After this time a silent process loses its partitions."
    )

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_variables(cls, values: object) -> object:
        # pydantic-settings ignores a misspelt variable, even with extra="forbid".
        unknown = [
            str(each) for each in unknown_variables(os.environ, prefix=cls.prefix(), known_names=cls.variables())
        ]
        if unknown:
            raise ValueError("; ".join(unknown))
        return values

    @model_validator(mode="after")
    def _check_tls(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key need each other")
        return self

    def kafka_cluster(self, topic_spec: Callable[[str], TopicDeclaration]) -> KafkaCluster:
        """Return the cluster that these settings name, with the login and encryption that they have."""
        return KafkaCluster(self.kafka, self.topic_prefix, topic_spec=topic_spec, security=self.kafka_security())

    def edge_ssl_context(self) -> ssl.SSLContext | None:
        """Return the TLS context of the HTTP edge; raise Misconfigured for a file that cannot be used."""
        if self.tls_cert is None:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            context.load_cert_chain(self.tls_cert, self.tls_key)
        except (OSError, ssl.SSLError) as error:
            raise Misconfigured(f"{self.tls_cert} or {self.tls_key} cannot be used: {error}") from error
        return context

    def person_tokens(self, scope_fault: ScopeFault) -> PersonTokenVerifier | None:
        """Return a verifier of persons' tokens, whose scopes have no fault; None where no issuer is set."""
        if self.persons_issuer is None:
            return None
        address = self.persons_jwks_url or self.persons_issuer.rstrip("/") + JWKS_PATH
        return PersonTokenVerifier.of(self.persons_issuer, self.persons_audience, address, scope_fault)

    def cipher(self) -> Cipher:
        """Return a cipher with the service's keys."""
        return Cipher.from_base64(self.vault_key, self.vault_old_keys)

    def tuning(self, base: ConsumerTuning = DEFAULT_TUNING, *, dead_letter_limit: int) -> ConsumerTuning:
        """Return a consumer's tuning with the values that these settings have."""
        return replace(
            base,
            dead_letter_limit=dead_letter_limit,
            session_timeout_ms=self.session_timeout_ms,
            stalls_after_s=self.stalls_after_s,
            stop_within_s=self.stop_within_s,
        )

    @classmethod
    def prefix(cls) -> str:
        """Return the prefix of this service's variables."""
        return cls.model_config.get("env_prefix", "").upper()

    @classmethod
    def variables(cls) -> frozenset[str]:
        """Return the names of the environment variables that this class reads."""
        return frozenset(f"{cls.prefix()}{name}".upper() for name in cls.model_fields)

    @classmethod
    def load(cls) -> Self:
        """Return the settings in the environment; raise Misconfigured naming every invalid variable, not its value."""
        try:
            return cls()
        except ValidationError as error:
            raise Misconfigured("; ".join(describe_errors(error, cls.prefix()))) from None


def settings_config(prefix: str) -> SettingsConfigDict:
    """Return the model_config of a service whose variables have this prefix."""
    return SettingsConfigDict(env_prefix=prefix, frozen=True, extra="forbid", hide_input_in_errors=True)


def unknown_variables(environment: Mapping[str, str], *, prefix: str, known_names: frozenset[str]) -> Iterator[str]:
    """Yield a message for each variable with the prefix that no setting reads, with the closest name there is."""
    for name in sorted(environment):
        if prefix and name.upper().startswith(prefix) and name.upper() not in known_names:
            closest = difflib.get_close_matches(name.upper(), known_names, n=1)
            yield f"{name} is not a setting" + (f" (did you mean {closest[0]}?)" if closest else "")


def describe_errors(error: ValidationError, prefix: str) -> Iterator[str]:
    """Yield a message for each variable that is invalid, with what it may be and without its value."""
    for problem in error.errors(include_url=False, include_context=False, include_input=False):
        path = "_".join(str(part) for part in problem["loc"])
        variable = f"{prefix}{path}".upper() if path else ""
        yield f"{variable}: {problem['msg']}" if variable else problem["msg"].removeprefix("Value error, ")
