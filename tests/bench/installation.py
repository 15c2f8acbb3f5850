"""An installation for benchmarks: a private Kafka and PostgreSQL as in the local stack, one city, no supervisor."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import psutil

from paidan_chassis.clock import read_scale, real_now, set_scale
from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_contracts.city.city import City
from paidan_contracts.city.pack import AreaLevel
from paidan_contracts.topics import find_topic
from paidan_deploy.citypacks.check import check_folder
from paidan_deploy.citypacks.publish import publish
from paidan_deploy.credentials import Credentials
from paidan_deploy.paths import StackPaths
from paidan_deploy.provisioning import database as provisioning_database
from paidan_deploy.provisioning.api_keys import create_key
from paidan_deploy.provisioning.connection import open_connection
from paidan_deploy.provisioning.topics import create_topics
from paidan_deploy.servers import ports
from paidan_deploy.servers.dsn import dsn_for_role
from paidan_deploy.servers.kafka import KafkaServer
from paidan_deploy.servers.postgres import PostgresServer
from paidan_deploy.services import SERVICES, Service, ServiceConfig, service_environment
from paidan_deploy.stack.service_process import SupervisedService
from tests.bench.usage import Usage, read_usage
from tests.polling import poll
from tests.servers import CACHE

CITY_PACK: Final = Path(__file__).parents[2] / "deploy" / "cities" / "quancheng"
# A Tuesday morning in the city's calendar: deadlines run, and none expires during a benchmark.
START_TIME: Final = datetime(2026, 3, 3, 2, 0, tzinfo=UTC)
STOP_TIMEOUT_S: Final = 20.0


class ServiceEnded(Exception):
    """A service ended during a benchmark."""


@dataclass(slots=True)
class BenchInstallation:
    """Addresses, paths and keys of an installation, and its running services."""

    paths: StackPaths
    kafka: KafkaCluster
    dsn: str
    pids: dict[str, int]
    """Of Kafka, PostgreSQL and the running services."""
    city: City
    cockpit_port: int
    """Known before the cockpit runs: the other services take persons' tokens from this address."""
    profile: "Profile | None" = None
    tokens: dict[str, str] = field(default_factory=dict)
    running: dict[str, SupervisedService] = field(default_factory=dict)

    @property
    def intake_port(self) -> int:
        return self.running["intake"].port

    @property
    def cockpit_address(self) -> str:
        return f"http://{ports.LOOPBACK}:{self.cockpit_port}"

    async def start(self, *names: str, arguments: Sequence[str] = (), until_ready: bool = True) -> None:
        """Start services, and wait until they are ready unless ``until_ready`` is false.

        A second process of a service is named after it: ``dispatch-2``.
        """
        for name in names:
            supervised = self.running[name] = self._supervised(name, arguments)
            supervised.start()
            self.pids[name] = supervised.state.pid or 0
        if until_ready:
            await poll(lambda: all(self._is_up(name) for name in names), within_s=60, what=f"{names} are ready")

    def _is_up(self, name: str) -> bool:
        self.require_running()
        self.running[name].tick()
        return self.running[name].condition == "running"

    async def run_only(self, *names: str) -> None:
        """Stop all other services, and start those of these that do not run."""
        await self.stop(*[name for name in tuple(self.running) if name not in names])
        await self.start(*[name for name in names if name not in self.running])

    def _supervised(self, name: str, arguments: Sequence[str]) -> SupervisedService:
        service = next(each for each in SERVICES if each.name == name.partition("-")[0])
        config = ServiceConfig(
            kafka=self.kafka.servers,
            persons_issuer=self.cockpit_address,
            database=dsn_for_role(self.dsn, service.role, Credentials(self.paths.secrets).password(service.role)),
            topic_prefix=self.kafka.prefix,
            port=self.cockpit_port if service.name == "cockpit" else ports.choose_port([None]),
            clock="scaled",
        )
        environment = service_environment(
            service, config, paths=self.paths, credentials=Credentials(self.paths.secrets)
        )
        folder = self.paths.services / name
        folder.mkdir(parents=True, exist_ok=True)
        return SupervisedService(
            name=service.name,
            argv=[*self._argv(service), *arguments],
            port=config.port,
            env={**environment, **(self._addresses() if service.name == "cockpit" else {})},
            log=self.paths.log / f"{name}.log",
            identity_file=folder / "process.json",
        )

    def _addresses(self) -> dict[str, str]:
        """Return the settings by which the cockpit finds the services that run already."""
        return {
            f"COCKPIT_{name.upper()}": f"http://{ports.LOOPBACK}:{each.port}" for name, each in self.running.items()
        }

    def _argv(self, service: Service) -> list[str]:
        if self.profile is None or service.name != self.profile.service:
            return service.argv
        return [sys.executable, "-m", "cProfile", "-o", str(self.profile.file), "-m", service.package]

    async def stop(self, *names: str) -> None:
        """Stop services, and wait for their end."""
        for name in names:
            self.running[name].request_stop()
        for name in names:
            supervised = self.running.pop(name)
            await asyncio.to_thread(supervised.wait_stopped, time.monotonic() + STOP_TIMEOUT_S)
            self.pids.pop(name)

    def has_ended(self, name: str) -> bool:
        """Return whether a service that ends by itself has done so."""
        pid = self.running[name].state.pid
        return pid is None or _has_ended(pid)

    def require_running(self) -> None:
        """Raise ``ServiceEnded`` when a service has ended by itself."""
        for supervised in self.running.values():
            if supervised.state.pid is None or _has_ended(supervised.state.pid):
                raise ServiceEnded(f"{supervised.name} {supervised.detail} (its log: {supervised.log})")

    async def usage(self) -> Usage:
        """Return the CPU time and the storage that have been used so far."""
        return await read_usage(self.pids, self.dsn)

    async def city_time(self) -> datetime:
        """Return the city's time."""
        async with open_connection(self.dsn) as connection:
            scale = await read_scale(connection)
        return scale.city_time(real_now()) if scale else real_now()


def _has_ended(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


@dataclass(frozen=True, slots=True)
class Profile:
    """The service that runs under cProfile, and the file that it writes."""

    service: str
    file: Path


@asynccontextmanager
async def prepared_installation(
    folder: Path, *, name: str = "", area_level: AreaLevel = "city", profile: Profile | None = None
) -> AsyncIterator[BenchInstallation]:
    """Start servers in a run's folder and prepare them for the services; they are killed at the end."""
    with _servers(folder, name) as (broker, database):
        paths = StackPaths(folder / f"stack{name}")
        credentials = Credentials(paths.secrets)
        await provisioning_database.create_database(database.dsn)
        dsn = database.dsn.removesuffix("/postgres") + "/paidan"
        await provisioning_database.prepare_database(dsn, credentials)
        kafka = KafkaCluster(broker.address, topic_spec=find_topic)
        await create_topics(kafka)
        servers = {"Kafka": broker.process, "PostgreSQL": database.process}
        pids = {name: process.pid for name, process in servers.items() if process is not None}
        pack = check_folder(CITY_PACK).valid_pack().model_copy(update={"area_level": area_level})
        installation = BenchInstallation(paths, kafka, dsn, pids, City.of(pack), ports.choose_port([None]), profile)
        await _publish_city_and_keys(installation)
        try:
            yield installation
        finally:
            await installation.stop(*installation.running)


@contextmanager
def _servers(folder: Path, name: str) -> Iterator[tuple[KafkaServer, PostgresServer]]:
    broker = KafkaServer(home=folder / f"kafka{name}", cache=CACHE)
    database = PostgresServer(home=folder / f"postgres{name}")
    try:
        database.start()
        broker.start()
        yield broker, database
    finally:
        broker.kill()
        database.kill()


async def _publish_city_and_keys(installation: BenchInstallation) -> None:
    async with open_connection(installation.dsn) as connection:
        await set_scale(connection, city_time=START_TIME, factor=1.0, fast_until=START_TIME + timedelta(seconds=1))
        await publish(connection, installation.kafka, installation.city.pack)
        for source in installation.city.sources:
            scopes = (f"source:{source}",)
            token, _ = await create_key(connection, name=f"bench {source}", city=installation.city.id, scopes=scopes)
            installation.tokens[source] = token
