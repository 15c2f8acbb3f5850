"""Real servers for tests: one pair shared by the run, private ones for tests that kill or freeze them."""

import fcntl
import os
import shutil
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient

from paidan_deploy.servers import process
from paidan_deploy.servers.kafka import KafkaServer
from paidan_deploy.servers.postgres import PostgresServer
from paidan_deploy.servers.reap import reap

CACHE: Final = Path(__file__).parents[1] / ".paidan" / "cache"
RUNS_FOLDER: Final = Path(__file__).parents[1] / ".paidan" / "tests"
# The files of a test's server need not survive a power cut; kill -9 loses nothing that the system call wrote.
POSTGRES_OPTIONS: Final = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "400",
    "shared_buffers": "128MB",
}
# Lets a test shorten the session timeout to 1.5 s, after which a killed consumer's lanes are reassigned; 6 s is
# Kafka's default minimum.
KAFKA_PROPERTIES: Final = {"group.min.session.timeout.ms": "1000"}


@dataclass(frozen=True, slots=True)
class ServerAddresses:
    """The addresses of a Kafka and a PostgreSQL."""

    kafka: str
    postgres: str

    def database(self, name: str) -> str:
        """Return the superuser's DSN of one database."""
        return str(urlunsplit(urlsplit(self.postgres)._replace(path=f"/{name}")))


@contextmanager
def run_folder() -> Iterator[Path]:
    """Create this run's folder for its servers and remove it at the end; folders of killed runs are removed first."""
    _clear_killed_runs()
    folder = RUNS_FOLDER / f"run-{os.getpid()}"
    # Its owner is written before it becomes visible: another run that starts now would take it for a killed run's.
    temporary = RUNS_FOLDER / f"new-{os.getpid()}"
    temporary.mkdir(parents=True, exist_ok=True)
    process.ProcessIdentity.of(os.getpid()).write(temporary / "owner.json")
    temporary.rename(folder)
    try:
        yield folder
    finally:
        _clear(folder)


def _clear_killed_runs() -> None:
    for folder in RUNS_FOLDER.glob("run-*"):
        owner = process.ProcessIdentity.read(folder / "owner.json")
        if owner is None or owner.find() is None:
            _clear(folder)


def _clear(folder: Path) -> None:
    for home in (*folder.glob("kafka*"), *folder.glob("worker-*/kafka*")):
        KafkaServer(home=home, cache=CACHE).kill()
    reap(folder)
    for home in (*folder.glob("postgres*"), *folder.glob("worker-*/postgres*")):
        PostgresServer(home=home).remove_files()
    shutil.rmtree(folder, ignore_errors=True)


def shared_servers(folder: Path) -> ServerAddresses:
    """Return the servers that the environment names; the first worker that calls this starts the others."""
    kafka, postgres = os.environ.get("PAIDAN_KAFKA"), os.environ.get("PAIDAN_DATABASE")
    with (folder / "starting").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return ServerAddresses(kafka or _shared_kafka(folder), postgres or _shared_postgres(folder))


def _shared_kafka(folder: Path) -> str:
    server = KafkaServer(home=folder / "kafka", cache=CACHE, properties=KAFKA_PROPERTIES)
    server.start()
    return server.address


def _shared_postgres(folder: Path) -> str:
    server = PostgresServer(home=folder / "postgres", options=POSTGRES_OPTIONS)
    server.start()
    return server.dsn


@contextmanager
def private_kafka(folder: Path, *, properties: dict[str, str] | None = None) -> Iterator[KafkaServer]:
    """Start a private broker (about 4 s) that a test may kill, pause and restart; it is removed at the end."""
    home = folder / f"kafka-{uuid.uuid4().hex[:8]}"
    server = KafkaServer(home=home, cache=CACHE, properties=KAFKA_PROPERTIES | (properties or {}))
    server.start()
    try:
        yield server
    finally:
        server.kill()
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def private_postgres(folder: Path, *, options: dict[str, str] | None = None) -> Iterator[PostgresServer]:
    """Start a private PostgreSQL (under 1 s) that a test may kill, pause and restart; it is removed at the end."""
    home = folder / f"postgres-{uuid.uuid4().hex[:8]}"
    server = PostgresServer(home=home, options=POSTGRES_OPTIONS | (options or {}))
    server.start()
    try:
        yield server
    finally:
        server.kill()
        server.remove_files()
        shutil.rmtree(home, ignore_errors=True)


@asynccontextmanager
async def fresh_database(servers: ServerAddresses, *, template: str = "template0") -> AsyncIterator[str]:
    """Create a database, empty or copied from one without connections, yield its superuser's DSN and drop it."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    await run_statement(servers.postgres, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    try:
        yield servers.database(name)
    finally:
        await run_statement(servers.postgres, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@asynccontextmanager
async def fresh_prefix(kafka: str) -> AsyncIterator[str]:
    """Yield a topic prefix that nothing else on the broker uses, and delete its topics at the end.

    A client reads the metadata of every topic when it connects: thousands of topics make each start slow.
    """
    prefix = f"t{uuid.uuid4().hex[:10]}."
    try:
        yield prefix
    finally:
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
        try:
            await admin.start()
            if used := [name for name in await admin.list_topics() if name.startswith(prefix)]:
                await admin.delete_topics(used)
        finally:
            await admin.close()


async def run_statement(dsn: str, statement: str) -> None:
    """Run one statement outside a transaction on a new connection."""
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
