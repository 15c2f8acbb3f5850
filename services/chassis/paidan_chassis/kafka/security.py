"""How clients log in to Kafka and encrypt: SASL and TLS, as settings that services and commands share."""

import ssl
from pathlib import Path
from typing import Literal, Self, TypeAlias

from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512
from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings

from paidan_chassis.errors import Misconfigured

SaslMechanism: TypeAlias = Literal["plain", "scram-sha-256", "scram-sha-512"]
_SASL_CLASSES: dict[SaslMechanism, type[SASLPlaintext | SASLScram256 | SASLScram512]] = {
    "plain": SASLPlaintext,
    "scram-sha-256": SASLScram256,
    "scram-sha-512": SASLScram512,
}


class KafkaSecuritySettings(BaseSettings):
    """Settings of every Kafka client; without any, clients neither log in nor encrypt."""

    kafka_sasl: SaslMechanism | None = Field(default=None, description="How to log in; by default not at all.")
    kafka_user: str = Field(default="", description="The principal: Kafka's ACLs name it.")
    kafka_password: SecretStr = Field(default=SecretStr(""), description="Its password.")
    kafka_tls: bool = Field(default=False, description="Encrypt, and verify the brokers' certificates and names.")
    kafka_ca: Path | None = Field(
        default=None, description="PEM file of the authorities that brokers are verified by; by default the system's."
    )
    kafka_cert: Path | None = Field(default=None, description="PEM file of the client's own certificate, for mTLS.")
    kafka_key: Path | None = Field(default=None, description="PEM file of the private key of that certificate.")

    @field_validator("kafka_sasl", "kafka_ca", "kafka_cert", "kafka_key", mode="before")
    @classmethod
    def _blank_is_unset(cls, value: object) -> object:
        return None if value == "" else value  # compose and Helm pass a variable on though nobody has set it

    @model_validator(mode="after")
    def _check_security(self) -> Self:
        if self.kafka_sasl and not (self.kafka_user and self.kafka_password.get_secret_value()):
            raise ValueError("kafka_sasl needs kafka_user and kafka_password")
        if self.kafka_user and not self.kafka_sasl:
            raise ValueError("kafka_user needs kafka_sasl: plain, scram-sha-256 or scram-sha-512")
        if self.kafka_sasl == "plain" and not self.kafka_tls:
            raise ValueError("kafka_sasl=plain sends the password as it is, and needs kafka_tls=true")
        if (self.kafka_ca or self.kafka_cert or self.kafka_key) and not self.kafka_tls:
            raise ValueError("kafka_ca, kafka_cert and kafka_key need kafka_tls=true")
        if (self.kafka_cert is None) != (self.kafka_key is None):
            raise ValueError("kafka_cert and kafka_key need each other")
        return self

    def kafka_security(self) -> BaseSecurity | None:
        """Return the security of a ``KafkaCluster``; raise Misconfigured for a file that cannot be used."""
        context = self._ssl_context() if self.kafka_tls else None
        if self.kafka_sasl is None:
            return None if context is None else BaseSecurity(ssl_context=context)
        return _SASL_CLASSES[self.kafka_sasl](
            username=self.kafka_user, password=self.kafka_password.get_secret_value(), ssl_context=context
        )

    def security_variables(self) -> dict[str, str]:
        """Return the environment variables, without a prefix, of a process that is to have the same settings."""
        values = {name: getattr(self, name) for name in KafkaSecuritySettings.model_fields}
        return {
            name.upper(): value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            for name, value in values.items()
            if value != KafkaSecuritySettings.model_fields[name].default
        }

    def _ssl_context(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self.kafka_ca)
            if self.kafka_cert is not None:
                context.load_cert_chain(self.kafka_cert, self.kafka_key)
        except (OSError, ssl.SSLError) as error:
            named = ", ".join(str(file) for file in (self.kafka_ca, self.kafka_cert, self.kafka_key) if file)
            raise Misconfigured(f"a certificate or key for Kafka cannot be used ({named}): {error}") from error
        return context
