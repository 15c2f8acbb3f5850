"""The services that the local stack runs, each with its environment: they know each other's ports before they start."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from paidan_chassis.clock import ClockKind
from paidan_deploy.credentials import Credentials
from paidan_deploy.jars.web_libraries import ensure_web_libraries
from paidan_deploy.paths import StackPaths
from paidan_deploy.servers import ports
from paidan_deploy.servers.dsn import dsn_for_role
from paidan_deploy.servers.ports import LOOPBACK
from paidan_deploy.services import COCKPIT, SERVICES, Service, ServiceConfig, service_environment
from paidan_deploy.settings import StackSettings, inherited_environment
from paidan_deploy.stack.servers import Servers
from paidan_deploy.stack.service_process import SupervisedService


@dataclass(frozen=True, slots=True)
class ServiceInstallation:
    """What every service of the stack is started with. ``user``: whom it runs as, if not as ourselves."""

    settings: StackSettings
    paths: StackPaths
    credentials: Credentials
    servers: Servers
    user: int | None


def supervised_services(installation: ServiceInstallation, clock: ClockKind) -> list[SupervisedService]:
    """Return the services to run, not started yet: all, or without the cockpit where PAIDAN_COCKPIT says so."""
    chosen = [each for each in SERVICES if installation.settings.cockpit or each is not COCKPIT]
    service_ports = {each: ports.choose_port([each.port]) for each in chosen}
    return [_supervised(each, installation, clock, service_ports) for each in chosen]


def _supervised(
    service: Service, installation: ServiceInstallation, clock: ClockKind, service_ports: Mapping[Service, int]
) -> SupervisedService:
    paths, env = installation.paths, _environment(service, installation, clock, service_ports)
    supervised = SupervisedService(
        name=service.name,
        argv=service.argv,
        port=service.port,
        env=env | (_cockpit_variables(installation, service_ports) if service is COCKPIT else {}),
        log=paths.log / f"{service.name}.log",
        identity_file=paths.services / service.name / "process.json",
        user=installation.user,
    )
    supervised.port = service_ports[service]
    return supervised


def _environment(
    service: Service, installation: ServiceInstallation, clock: ClockKind, service_ports: Mapping[Service, int]
) -> dict[str, str]:
    servers, settings, credentials = installation.servers, installation.settings, installation.credentials
    own_issuer = f"http://{LOOPBACK}:{service_ports[COCKPIT]}" if COCKPIT in service_ports else None
    config = ServiceConfig(
        kafka=servers.bootstrap,
        database=dsn_for_role(servers.dsn, service.role, credentials.password(service.role)),
        topic_prefix=settings.topic_prefix,
        port=service.port,
        clock=clock,
        kafka_security=settings,
        persons_issuer=settings.persons_issuer or own_issuer,
        persons_jwks_url=settings.persons_jwks_url,
    )
    return dict(service_environment(service, config, paths=installation.paths, credentials=credentials))


def _cockpit_variables(installation: ServiceInstallation, service_ports: Mapping[Service, int]) -> dict[str, str]:
    """Return where the cockpit finds the other services, and the libraries of its pages."""
    addresses = {
        COCKPIT.environment_variable(each.name): f"http://{LOOPBACK}:{port}"
        for each, port in service_ports.items()
        if each is not COCKPIT
    }
    libraries = COCKPIT.environment_variable("web_libraries")
    if libraries in inherited_environment():
        return addresses
    return addresses | {libraries: str(_readable_libraries(installation))}


def _readable_libraries(installation: ServiceInstallation) -> Path:
    """Return the folder of the libraries, copied for the services' user alone if that is not ourselves."""
    source = ensure_web_libraries(installation.paths.cache)
    if installation.user is None:
        return source
    target = installation.paths.web / source.name
    if not target.exists():
        shutil.rmtree(installation.paths.web, ignore_errors=True)
        unfinished = installation.paths.web / "unfinished"
        shutil.copytree(source, unfinished)
        for path in (installation.paths.web, unfinished, *unfinished.rglob("*")):
            path.chmod(0o700 if path.is_dir() else 0o600)
            os.chown(path, installation.user, installation.user)
        unfinished.rename(target)
    return target
