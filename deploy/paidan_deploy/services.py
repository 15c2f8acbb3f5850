"""The services as processes: modules, ports and environment."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from paidan_chassis.clock import ClockKind
from paidan_chassis.kafka.security import KafkaSecuritySettings
from paidan_deploy.credentials import Credentials
from paidan_deploy.paths import StackPaths
from paidan_deploy.servers.ports import LOOPBACK
from paidan_deploy.settings import inherited_environment

ServiceName = Literal["intake", "dispatch", "scoring", "cockpit"]


@dataclass(frozen=True, slots=True)
class Service:
    """One service; its name is also that of its PostgreSQL schema."""

    name: str
    port: int

    @property
    def role(self) -> str:
        return f"paidan_{self.name}"

    @property
    def package(self) -> str:
        return f"paidan_{self.name}"

    @property
    def vault_secret(self) -> str:
        """The name of its encryption key; intake's dates from when intake alone encrypted."""
        return "vault-key" if self.name == "intake" else f"vault-key-{self.name}"

    @property
    def argv(self) -> list[str]:
        return [sys.executable, "-m", self.package]

    def environment_variable(self, name: str) -> str:
        return f"{self.name}_{name}".upper()


INTAKE: Final = Service("intake", 8101)
DISPATCH: Final = Service("dispatch", 8102)
SCORING: Final = Service("scoring", 8103)
COCKPIT: Final = Service("cockpit", 8104)
SERVICES: Final = (INTAKE, DISPATCH, SCORING, COCKPIT)
# A whole stop may take 10 s, and Kafka and PostgreSQL need their share.
STOP_TIMEOUT_S: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceConfig:
    """Addresses, port and clock that a service is configured with."""

    kafka: str
    database: str = ""
    topic_prefix: str
    port: int
    clock: ClockKind
    host: str = LOOPBACK
    kafka_security: KafkaSecuritySettings | None = None
    persons_issuer: str | None = None
    persons_jwks_url: str | None = None


def service_environment(
    service: Service, config: ServiceConfig, *, paths: StackPaths, credentials: Credentials
) -> Mapping[str, str]:
    """Return a service's environment variables: its configuration and the installation's secrets for it."""
    secrets = service_secrets(service, paths=paths, credentials=credentials)
    return environment_with(service, config, secrets={"DATABASE": config.database} | secrets)


def environment_with(service: Service, config: ServiceConfig, *, secrets: Mapping[str, str]) -> dict[str, str]:
    """Return a service's environment variables: its configuration and these secrets over those of this process.

    A login to Kafka of the service's own, such as INTAKE_KAFKA_USER, prevails over that of the whole installation.
    """
    variables = {
        "KAFKA": config.kafka,
        "TOPIC_PREFIX": config.topic_prefix,
        "PORT": str(config.port),
        "HOST": config.host,
        "CLOCK": config.clock,
        "STOP_WITHIN_S": str(STOP_TIMEOUT_S),
        **(config.kafka_security.security_variables() if config.kafka_security else {}),
        **({"PERSONS_ISSUER": config.persons_issuer} if config.persons_issuer else {}),
        **({"PERSONS_JWKS_URL": config.persons_jwks_url} if config.persons_jwks_url else {}),
        **secrets,
    }
    inherited = inherited_environment()
    own_login = {service.environment_variable(name) for name in ("KAFKA_USER", "KAFKA_PASSWORD")} & inherited.keys()
    configured = {service.environment_variable(name): value for name, value in variables.items()}
    return inherited | {name: value for name, value in configured.items() if name not in own_login}


def service_secrets(service: Service, *, paths: StackPaths, credentials: Credentials) -> dict[str, str]:
    """Return the secrets of this service alone, generating those that are missing."""
    variables = {name: credentials.key(file) for name, file in secret_names(service).items()}
    return variables | ({"PHOTOS": str(paths.photos)} if service is INTAKE else {})


def secret_names(service: Service) -> dict[str, str]:
    """Return the settings of a service that are keys, and the names of the installation's secrets for them."""
    own = {INTAKE: {"LINK_KEY": "link-key"}, COCKPIT: {"TOKEN_KEY": "person-token-key"}}
    return {"VAULT_KEY": service.vault_secret} | own.get(service, {})
