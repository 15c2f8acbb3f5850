"""An installation for measuring: its own Kafka and PostgreSQL as the local stack has them, one city, no supervisor."""

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
from paidan_chassis.kafka.cluster import Kafka
from paidan_contracts.city.city import City
from paidan_contracts.city.loader import load_city
from paidan_deploy.citypacks.check import check_folder
from paidan_deploy.citypacks.publish import publish
from paidan_deploy.provisioning import database as provisioning_database
from paidan_deploy.provisioning.api_keys import connected, grant
from paidan_deploy.servers import ports
from paidan_deploy.servers.kafka import KafkaServer
from paidan_deploy.servers.postgres import PostgresServer
from paidan_deploy.stack.credentials import Credentials
from paidan_deploy.stack.paths import Home
from paidan_deploy.stack.servers import as_role
from paidan_deploy.stack.service_process import Watched
from paidan_deploy.stack.services import (
    SERVICES,
    Service,
    Told,
    environment,
)
from tests.bench.cpu import Used, used
from tests.polling import poll
from tests.servers import CACHE, own_folder

PACK: Final = Path(__file__).parents[2] / "deploy" / "cities" / "quancheng"
# A Tuesday morning that the city's calendar knows: clocks run, and none runs out while this measures.
MORNING: Final = datetime(2026, 3, 3, 2, 0, tzinfo=UTC)
STOP_WITHIN_S: Final = 20.0


class ServiceEnded(Exception):
    """A service ended while it was measured."""


@dataclass(slots=True)
class Ground:
    """Where everything is, and what runs."""

    home: Home
    kafka: Kafka
    dsn: str
    pids: dict[str, int]
    """Of Kafka and PostgreSQL, and of the services that run."""
    city: City
    profiled: str | None = None
    profile: Path | None = None
    tokens: dict[str, str] = field(default_factory=dict)
    running: dict[str, Watched] = field(default_factory=dict)

    @property
    def intake_port(self) -> int:
        return self.running["intake"].port

    async def start(self, *names: str, arguments: Sequence[str] = (), until_ready: bool = True) -> None:
        """Start services, and wait until they would serve unless told not to."""
        for service in SERVICES:
            if service.name in names:
                watched = self.running[service.name] = self._watched(service, arguments)
                watched.start()
                self.pids[service.name] = watched.state.pid or 0
        if until_ready:
            await poll(lambda: all(self._is_up(name) for name in names), within_s=60, what=f"{names} are ready")

    def _is_up(self, name: str) -> bool:
        self.check()
        self.running[name].tick()
        return self.running[name].condition == "running"

    def _watched(self, service: Service, arguments: Sequence[str]) -> Watched:
        told = Told(
            kafka=self.kafka.servers,
            database=as_role(self.dsn, service.role, Credentials(self.home.secrets).password(service.role)),
            topic_prefix=self.kafka.prefix,
            port=ports.choose([None]),
            real_clock=False,
        )
        folder = self.home.services / service.name
        folder.mkdir(parents=True, exist_ok=True)
        return Watched(
            name=service.name,
            argv=[*self._python(service), *arguments],
            port=told.port,
            env=environment(service, told, home=self.home, credentials=Credentials(self.home.secrets)),
            log=self.home.log / f"{service.name}.log",
            born=folder / "process.json",
        )

    def _python(self, service: Service) -> list[str]:
        if service.name != self.profiled or self.profile is None:
            return service.argv
        return [sys.executable, "-m", "cProfile", "-o", str(self.profile), "-m", service.package]

    async def stop(self, *names: str) -> None:
        """Stop services in order."""
        for name in names:
            self.running[name].ask_to_stop()
        for name in names:
            watched = self.running.pop(name)
            await asyncio.to_thread(watched.see_it_stopped, time.monotonic() + STOP_WITHIN_S)
            self.pids.pop(name)

    def check(self) -> None:
        """Raise ``ServiceEnded`` when a service has ended by itself."""
        for watched in self.running.values():
            if watched.state.pid is None or _has_ended(watched.state.pid):
                raise ServiceEnded(f"{watched.name} {watched.detail} (its log: {watched.log})")

    async def used(self) -> Used:
        """Read what everybody has used of the processors so far."""
        return await used(self.pids, self.dsn)

    async def city_time(self) -> datetime:
        """Tell what time it is in the city."""
        async with connected(self.dsn) as connection:
            scale = await read_scale(connection)
        return scale.city_time(real_now()) if scale else real_now()


def _has_ended(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


@asynccontextmanager
async def laid_out(profiled: str | None, profile: Path) -> AsyncIterator[Ground]:
    """Start servers and put into them what services need; everything is gone at the end."""
    with own_folder() as folder, _servers(folder) as (broker, database):
        home = Home(folder)
        credentials = Credentials(home.secrets)
        await provisioning_database.make_database(database.dsn)
        dsn = database.dsn.removesuffix("/postgres") + "/paidan"
        await provisioning_database.prepare_database(dsn, credentials)
        await provisioning_database.make_topics(broker.address, "")
        kafka = Kafka(broker.address, shape=provisioning_database.shape)
        servers = {"Kafka": broker.process, "PostgreSQL": database.process}
        pids = {name: process.pid for name, process in servers.items() if process is not None}
        ground = Ground(home, kafka, dsn, pids, load_city(PACK), profiled, profile)
        await _settle_in(ground)
        try:
            yield ground
        finally:
            await ground.stop(*ground.running)


@contextmanager
def _servers(folder: Path) -> Iterator[tuple[KafkaServer, PostgresServer]]:
    broker = KafkaServer(home=folder / "kafka", cache=CACHE)
    database = PostgresServer(home=folder / "postgres")
    try:
        database.start()
        broker.start()
        yield broker, database
    finally:
        broker.kill()
        database.kill()


async def _settle_in(ground: Ground) -> None:
    async with connected(ground.dsn) as connection:
        await set_scale(connection, starts=MORNING, factor=1.0, fast_until=MORNING + timedelta(seconds=1))
        await publish(connection, ground.kafka, check_folder(PACK).fit())
        for source in ground.city.sources:
            scopes = (f"source:{source}",)
            token, _ = await grant(connection, name=f"bench {source}", city=ground.city.id, scopes=scopes)
            ground.tokens[source] = token
