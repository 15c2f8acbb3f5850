"""The three services, each a process, on a Kafka and a PostgreSQL that a test may kill."""

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
from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_contracts.city.case_numbers import CaseNumbering
from paidan_contracts.city.loader import load_city
from paidan_contracts.topics import find_topic
from paidan_deploy.citypacks.publish import publish
from paidan_deploy.conservation.anchor import Anchor
from paidan_deploy.conservation.log_reader import LogReader
from paidan_deploy.conservation.report import ConservationReport
from paidan_deploy.conservation.run import Sources, check_conservation
from paidan_deploy.credentials import Credentials
from paidan_deploy.paths import StackPaths
from paidan_deploy.provisioning import api_keys
from paidan_deploy.provisioning import database as provisioning_database
from paidan_deploy.provisioning.topics import create_topics
from paidan_deploy.services import COCKPIT, SERVICES, Service, ServiceConfig, service_environment
from tests import servers as real
from tests.chaos.service_process import ServiceProcess

ROOT: Final = Path(__file__).parents[2]
TINY: Final = ROOT / "tests" / "cities" / "tiny"
START_TIME: Final = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
"""09:00 in the tiny city, a working day."""
KEY_SCOPES: Final[Mapping[str, tuple[str, ...]]] = {
    "hotline": ("source:hotline",),
    "photo": ("source:photo",),
    "inspector": ("role:inspector",),
    "caller": ("role:caller",),
    "operator": ("role:operator",),
}
# A killed process's lanes are reassigned after 1.5 s instead of Kafka's minimum of 6 s.
SHORT_SESSIONS: Final = {"DISPATCH_SESSION_TIMEOUT_MS": "1500", "SCORING_SESSION_TIMEOUT_MS": "1500"}


@dataclass(slots=True)
class ChaosInstallation:
    """One installation: its servers, its three services and the keys to them."""

    servers: real.ServerAddresses
    database: str
    prefix: str
    paths: StackPaths
    tokens: dict[str, str]
    processes: dict[str, ServiceProcess] = field(default_factory=dict)

    @property
    def dsn(self) -> str:
        """The DSN of the database's owner."""
        return self.servers.database(self.database)

    @property
    def cluster(self) -> KafkaCluster:
        return KafkaCluster(self.servers.kafka, self.prefix, topic_spec=find_topic)

    def new_process(self, service: Service, *, name: str = "", dsn: str = "") -> ServiceProcess:
        """Add a process of a service, not started yet; ``name`` sets it apart from others of the same service."""
        port = _free_port()
        config = ServiceConfig(
            kafka=self.servers.kafka,
            database=dsn or self.dsn_of(service),
            topic_prefix=self.prefix,
            port=port,
            clock="scaled",
        )
        environment_variables = service_environment(
            service, config, paths=self.paths, credentials=Credentials(self.paths.secrets)
        )
        session_settings = {
            name: value for name, value in SHORT_SESSIONS.items() if name.startswith(service.name.upper())
        }
        process_name = name or service.name
        service_process = ServiceProcess(
            service.name, {**environment_variables, **session_settings}, self.paths.log / f"{process_name}.log", port
        )
        self.processes[process_name] = service_process
        return service_process

    def dsn_of(self, service: Service) -> str:
        """Return the DSN of a service's role."""
        return self.dsn.replace("postgres@", f"{service.role}@")

    async def start(self) -> None:
        """Start the three services, and wait until they are ready."""
        for service in SERVICES:
            self.processes.get(service.name) or self.new_process(service)
            self.processes[service.name].start()
        for each in self.processes.values():
            await each.wait_until_ready()

    def kill_all(self) -> None:
        """Kill every process."""
        for each in self.processes.values():
            each.kill()

    async def stop(self) -> None:
        """Stop every running process with SIGTERM; each must exit with 0."""
        running = [each for each in self.processes.values() if each.process is not None and each.exit_code is None]
        for each in running:
            each.send_signal(signal.SIGTERM)
        for each in running:
            assert await each.wait_for_exit() == 0, each.log_text()[-3000:]

    def client(self, service: str, key_name: str) -> httpx.AsyncClient:
        """Return a client of a service with one of the keys."""
        headers = {"authorization": f"Bearer {self.tokens[key_name]}"}
        return httpx.AsyncClient(base_url=self.processes[service].url, headers=headers, timeout=20, verify=False)

    @asynccontextmanager
    async def conn(self, schema: str = "dispatch") -> "AsyncIterator[asyncpg.Connection[Any]]":
        """Open a connection as the database's owner."""
        conn = await asyncpg.connect(self.dsn, server_settings={"search_path": schema}, timeout=10)
        try:
            yield conn
        finally:
            await conn.close()

    async def fetch_value(self, statement: str, *arguments: object, schema: str = "dispatch") -> Any:  # noqa: ANN401 - a column of any type
        """Return the first value of a query."""
        async with self.conn(schema) as conn:
            return await conn.fetchval(statement, *arguments)

    async def read_topic(self, topic: str) -> list[Any]:
        """Return every record of a topic up to its present end, by partition and offset."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.servers.kafka, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        try:
            await consumer.start()
            name = self.prefix + topic
            partitions = [TopicPartition(name, each) for each in range(find_topic(topic).partitions)]
            consumer.assign(partitions)
            ends = await consumer.end_offsets(partitions)
            records: list[Any] = []
            while any([await consumer.position(each) < end for each, end in ends.items()]):
                for polled in (await consumer.getmany(timeout_ms=200)).values():
                    records += polled
            return sorted(records, key=lambda record: (record.partition, record.offset))
        finally:
            await consumer.stop()

    async def advance_clock(self, minutes: float) -> None:
        """Advance the city's clock within a second; it then continues at real speed."""
        async with self.conn("cities") as conn:
            scale = await read_scale(conn)
            assert scale is not None
            now = scale.city_time(real_now())
            until = now + timedelta(minutes=minutes)
            await set_scale(conn, city_time=now + timedelta(seconds=1), factor=3600.0, fast_until=until)

    async def city_time(self) -> datetime:
        """Return the city's time."""
        async with self.conn("cities") as conn:
            scale = await read_scale(conn)
        assert scale is not None
        return scale.city_time(real_now())

    async def run_verification(self) -> ConservationReport:
        """Return the result of the check that `paidan verify` runs."""
        async with self.conn() as conn:
            return await check_conservation(self.sources(conn), timeout_s=60)

    def sources(self, conn: "asyncpg.Connection[Any]", anchor: Anchor | None = None) -> Sources:
        """Return what the check reads: of the cockpit, too, if it has been run."""
        return Sources(LogReader(self.cluster), conn, self.paths.photos, anchor, COCKPIT.name in self.processes)


@asynccontextmanager
async def prepared_installation(
    servers: real.ServerAddresses, prefix: str, folder: Path
) -> AsyncIterator[ChaosInstallation]:
    """Prepare an installation with the tiny city published and no service started; kill its processes at the end."""
    paths = StackPaths(folder / "home")
    for folder_to_create in (paths.log, paths.photos):
        folder_to_create.mkdir(parents=True)
    async with real.fresh_database(servers) as dsn:
        installation = ChaosInstallation(servers, dsn.rsplit("/", 1)[1], prefix, paths, {})
        await _prepare_servers(installation)
        try:
            yield installation
        finally:
            installation.kill_all()


async def _prepare_servers(installation: ChaosInstallation) -> None:
    await provisioning_database.prepare_database(installation.dsn, Credentials(installation.paths.secrets))
    await create_topics(installation.cluster)
    async with installation.conn("cities") as conn:
        await set_scale(conn, city_time=START_TIME, factor=1.0, fast_until=START_TIME + timedelta(seconds=1))
        # With numbers, so that none is given out twice, or left out, whatever is killed.
        numbers = CaseNumbering(pattern="T{district}{yyyyMMdd}{seq4}")
        await publish(conn, installation.cluster, load_city(TINY).pack.model_copy(update={"numbers": numbers}))
        for name, scopes in KEY_SCOPES.items():
            installation.tokens[name], _ = await api_keys.create_key(conn, name=name, city="tiny", scopes=scopes)


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
