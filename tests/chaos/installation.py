"""All three services as processes of their own on a Kafka and a PostgreSQL that a test may harm."""

import signal
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition

from paidan_chassis.clock import read_scale, real_now, set_scale
from paidan_chassis.kafka.cluster import Kafka
from paidan_contracts.city.loader import load_city
from paidan_deploy.citypacks.publish import publish
from paidan_deploy.conservation.checks import Balance
from paidan_deploy.conservation.log_reader import Logs
from paidan_deploy.conservation.run import Ground, check
from paidan_deploy.provisioning import api_keys
from paidan_deploy.provisioning import database as provisioning_database
from paidan_deploy.servers.kafka import KafkaServer
from paidan_deploy.servers.postgres import PostgresServer
from paidan_deploy.stack.credentials import Credentials
from paidan_deploy.stack.paths import Home
from paidan_deploy.stack.services import (
    SERVICES,
    Service,
    Told,
    environment,
)
from tests import servers as real
from tests.chaos.service_process import Member

ROOT: Final = Path(__file__).parents[2]
TINY: Final = ROOT / "tests" / "cities" / "tiny"
MONDAY: Final = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
"""09:00 in the tiny city, a working day."""
SCOPES: Final[Mapping[str, tuple[str, ...]]] = {
    "hotline": ("source:hotline",),
    "photo": ("source:photo",),
    "inspector": ("role:inspector",),
    "caller": ("role:caller",),
    "operator": ("role:operator",),
}
# Members that die give their lanes up at once, so that a test need not wait for Kafka's usual 6 s.
HASTY: Final = {"DISPATCH_SESSION_TIMEOUT_MS": "1500", "SCORING_SESSION_TIMEOUT_MS": "1500"}


@dataclass(slots=True)
class Works:
    """One installation: its servers, its three services and the keys to them."""

    kafka: KafkaServer
    postgres: PostgresServer
    database: str
    prefix: str
    home: Home
    tokens: dict[str, str]
    members: dict[str, Member] = field(default_factory=dict)

    @property
    def dsn(self) -> str:
        """The database, for its owner."""
        return real.Servers("", self.postgres.dsn).database(self.database)

    @property
    def cluster(self) -> Kafka:
        return Kafka(self.kafka.address, self.prefix, shape=provisioning_database.shape)

    def member(self, service: Service, *, called: str = "", dsn: str = "") -> Member:
        """Make a process of a service, not started yet: the one of its name, or another beside it."""
        port = _free_port()
        told = Told(
            kafka=self.kafka.address,
            database=dsn or self.dsn_of(service),
            topic_prefix=self.prefix,
            port=port,
            real_clock=False,
        )
        given = environment(service, told, home=self.home, credentials=Credentials(self.home.secrets))
        own = {name: value for name, value in HASTY.items() if name.startswith(service.name.upper())}
        name = called or service.name
        made = Member(service.name, {**given, **own}, self.home.log / f"{name}.log", port)
        self.members[name] = made
        return made

    def dsn_of(self, service: Service) -> str:
        """The database, for a service's own role."""
        return self.dsn.replace("postgres@", f"{service.role}@")

    async def start(self) -> None:
        """Start all three, and wait until they are ready."""
        for service in SERVICES:
            self.members.get(service.name) or self.member(service)
            self.members[service.name].start()
        for member in self.members.values():
            await member.ready()

    def end(self) -> None:
        """Kill whatever still runs."""
        for member in self.members.values():
            member.kill()

    async def stop(self) -> None:
        """Stop all that run in order; none may have to be killed."""
        running = [member for member in self.members.values() if member.process is not None and member.code is None]
        for member in running:
            member.send(signal.SIGTERM)
        for member in running:
            assert await member.ends() == 0, member.said()[-3000:]

    def client(self, service: str, who: str) -> httpx.AsyncClient:
        """Speak to a service as somebody."""
        headers = {"authorization": f"Bearer {self.tokens[who]}"}
        return httpx.AsyncClient(base_url=self.members[service].url, headers=headers, timeout=20, verify=False)

    @asynccontextmanager
    async def conn(self, schema: str = "dispatch") -> "AsyncIterator[asyncpg.Connection[Any]]":
        """Open a connection as the owner."""
        conn = await asyncpg.connect(self.dsn, server_settings={"search_path": schema}, timeout=10)
        try:
            yield conn
        finally:
            await conn.close()

    async def value(self, statement: str, *arguments: object, schema: str = "dispatch") -> Any:  # noqa: ANN401 - whatever the database says
        """Ask for one value."""
        async with self.conn(schema) as conn:
            return await conn.fetchval(statement, *arguments)

    async def read(self, topic: str) -> list[Any]:
        """Read every record of a topic up to its present end, partition by partition."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.kafka.address, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            name = self.prefix + topic
            partitions = [TopicPartition(name, each) for each in range(provisioning_database.shape(topic).partitions)]
            consumer.assign(partitions)
            ends = await consumer.end_offsets(partitions)
            records: list[Any] = []
            while any([await consumer.position(each) < end for each, end in ends.items()]):
                for polled in (await consumer.getmany(timeout_ms=200)).values():
                    records += polled
            return sorted(records, key=lambda record: (record.partition, record.offset))
        finally:
            await consumer.stop()

    async def pass_time(self, minutes: float) -> None:
        """Let the city's clock run so far ahead at once; it goes on at real speed."""
        async with self.conn("cities") as conn:
            scale = await read_scale(conn)
            assert scale is not None
            now = scale.city_time(real_now())
            until = now + timedelta(minutes=minutes)
            await set_scale(conn, starts=now + timedelta(seconds=1), factor=3600.0, fast_until=until)

    async def city_time(self) -> datetime:
        """Tell the city's time."""
        async with self.conn("cities") as conn:
            scale = await read_scale(conn)
        assert scale is not None
        return scale.city_time(real_now())

    async def verified(self) -> Balance:
        """Run the check that `paidan verify` runs."""
        async with self.conn() as conn:
            return await check(Ground(Logs(self.kafka.address, self.prefix), conn, self.home.photos), within_s=60)


@asynccontextmanager
async def installed(kafka: KafkaServer, postgres: PostgresServer, prefix: str, folder: Path) -> AsyncIterator[Works]:
    """Prepare an installation with the tiny city in force, nothing started; at the end all its processes are ended."""
    home = Home(folder / "home")
    for made in (home.log, home.photos):
        made.mkdir(parents=True)
    async with real.fresh_database(real.Servers(kafka.address, postgres.dsn)) as dsn:
        works = Works(kafka, postgres, dsn.rsplit("/", 1)[1], prefix, home, {})
        await _prepare(works)
        try:
            yield works
        finally:
            works.end()


async def _prepare(works: Works) -> None:
    await provisioning_database.prepare_database(works.dsn, Credentials(works.home.secrets))
    await provisioning_database.make_topics(works.kafka.address, works.prefix)
    async with works.conn("cities") as conn:
        await set_scale(conn, starts=MONDAY, factor=1.0, fast_until=MONDAY + timedelta(seconds=1))
        await publish(conn, works.cluster, load_city(TINY).pack)
        for name, scopes in SCOPES.items():
            works.tokens[name], _ = await api_keys.grant(conn, name=name, city="tiny", scopes=scopes)


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
