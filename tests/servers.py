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

from paidan_deploy.servers import process
from paidan_deploy.servers.kafka import KafkaServer
from paidan_deploy.servers.postgres import PostgresServer
from paidan_deploy.servers.reap import reap

CACHE: Final = Path(__file__).parents[1] / ".paidan" / "cache"
RUNS_FOLDER: Final = Path(__file__).parents[1] / ".paidan" / "tests"
# The files of a test's server need not outlive the machine; kill -9 loses nothing of what the system has taken.
POSTGRES_OPTIONS: Final = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "400",
    "shared_buffers": "128MB",
}
# A killed consumer's lanes are given to the next one in 1.5 s where a test asks for it; 6 s is Kafka's own least.
KAFKA_PROPERTIES: Final = {"group.min.session.timeout.ms": "1000"}


@dataclass(frozen=True, slots=True)
class ServerAddresses:
    """Where the run's servers answer."""

    kafka: str
    postgres: str

    def database(self, name: str) -> str:
        """Give the DSN of one database, for its superuser."""
        return str(urlunsplit(urlsplit(self.postgres)._replace(path=f"/{name}")))


@contextmanager
def run_folder() -> Iterator[Path]:
    """Lend this run a folder for its servers, cleared at its end; those of killed runs are cleared first."""
    _clear_killed_runs()
    folder = RUNS_FOLDER / f"run-{os.getpid()}"
    # Owned before it is seen: another run that begins now would take it for one that was killed.
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
    """Give the servers that the environment names; of those that it does not, whoever asks first starts the run's."""
    kafka, postgres = os.environ.get("PAIDAN_KAFKA"), os.environ.get("PAIDAN_DATABASE")
    with (folder / "starting").open("w") as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)
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
    """Start a broker of one's own (about 4 s), to be killed, paused and restarted at will; gone at the end."""
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
    """Start a PostgreSQL of one's own (under 1 s), to be killed, paused and restarted at will; gone at the end."""
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
    """Make a database, empty or a copy of another that nobody is connected to, and give its superuser's DSN."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    await run_statement(servers.postgres, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    try:
        yield servers.database(name)
    finally:
        await run_statement(servers.postgres, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


async def run_statement(dsn: str, statement: str) -> None:
    """Run one statement outside a transaction on a connection of its own."""
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
