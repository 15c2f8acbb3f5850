"""Intake as a process, with a published city, API keys, and readers of its topics."""

import json
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx

from paidan_chassis import migrations
from paidan_chassis.edge.api_keys import add_key, generate_key
from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_chassis.kafka.topic_admin import TopicAdmin
from paidan_contracts import ids
from paidan_contracts.city.loader import load_city
from paidan_contracts.topics import TOPICS, find_topic
from tests import fork_server, vault
from tests.fork_server import ForkedProcess
from tests.intake.topic_reader import TopicReader
from tests.polling import poll

TINY: Final = Path(__file__).parents[1] / "cities" / "tiny"
KEY_SCOPES: Final[dict[str, tuple[str, ...]]] = {
    "bounded": ("role:operator", "place:990101"),
    "hotline": ("source:hotline",),
    "photo": ("source:photo",),
    "camera": ("source:camera",),
    "patrol": ("source:patrol",),
    "importer": ("role:importer", "backdate"),
    "department": ("department:sanitation",),
    "streets": ("department:streets",),
    "inspector": ("role:inspector",),
    "operator": ("role:operator",),
    "caller": ("role:caller",),
    "officer": ("role:privacy_officer",),
    "trusted-caller": ("role:caller", "role:privacy_officer"),
    "trusted-operator": ("role:operator", "role:privacy_officer"),
    "eager": ("role:operator",),
    "member": ("role:operator", "role:privacy_officer", "member:streets"),
}


@dataclass(slots=True)
class IntakeService:
    """An installation of intake alone."""

    kafka: str
    database: str
    prefix: str
    folder: Path
    tokens: dict[str, str]
    settings: dict[str, str] = field(default_factory=dict)
    port: int = 0
    process: ForkedProcess | None = None
    readers: "dict[str, TopicReader]" = field(default_factory=dict)

    @property
    def log(self) -> Path:
        return self.folder / "intake.log"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, key_name: str) -> httpx.AsyncClient:
        """Return an HTTP client with the key of this name."""
        headers = {"authorization": f"Bearer {self.tokens[key_name]}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=20, verify=False)

    async def start(self, *arguments: str, module: str = "paidan_intake") -> None:
        """Start the process and wait until it is ready."""
        self.process = self.launch(*arguments, module=module)
        await poll(self._is_ready, within_s=60, what="intake is ready")

    def launch(self, *arguments: str, module: str = "paidan_intake") -> ForkedProcess:
        """Start a process with this installation's settings."""
        self.port = self.port or _free_port()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("INTAKE_")}
        variables = {
            "KAFKA": self.kafka,
            "DATABASE": self.database,
            "TOPIC_PREFIX": self.prefix,
            "PORT": str(self.port),
            "VAULT_KEY": vault.KEY,
            "LINK_KEY": "a secret that signs links in tests",
            "PHOTOS": str(self.folder / "photos"),
            "PACKS_REREAD_S": "0.2",
            **self.settings,
        }
        environment |= {f"INTAKE_{name}": value for name, value in variables.items()}
        return fork_server.start(module, *arguments, environment=environment, out=self.log)

    async def _is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()[-4000:]
        try:
            async with httpx.AsyncClient(verify=False) as client:
                return (await client.get(f"{self.url}/readyz")).status_code == 200
        except httpx.HTTPError:
            return False

    def kill(self) -> None:
        """Kill the process."""
        self._signal_and_wait(signal.SIGKILL)

    def stop(self) -> int:
        """Stop the process gracefully and return its exit code."""
        return self._signal_and_wait(signal.SIGTERM)

    def _signal_and_wait(self, signal_number: signal.Signals) -> int:
        process, self.process = self.process, None
        if process is None:
            return 0
        process.send_signal(signal_number)
        return process.wait(timeout=20)

    async def read_topic(self, topic: str) -> list[dict[str, Any]]:
        """Return all records of a topic: their bodies with key and headers."""
        return [
            {
                "key": (record.key or b"").decode(),
                "headers": {name: value.decode() for name, value in record.headers},
                "partition": record.partition,
                **body,
            }
            for record in await self._records(self.prefix + topic)
            if (body := _body(record.value)) is not None
        ]

    async def _records(self, topic: str) -> list[Any]:
        if topic not in self.readers:
            self.readers[topic] = await TopicReader.open(self.kafka, topic)
        return await self.readers[topic].read_to_end()

    async def close(self) -> None:
        """Kill the process and close the readers."""
        self.kill()
        await self.close_readers()

    async def close_readers(self) -> None:
        """Close the readers; a later read starts at the topic's beginning."""
        for reader in self.readers.values():
            await reader.consumer.stop()
        self.readers.clear()

    async def records_about(self, topic: str, report_id: str) -> list[dict[str, Any]]:
        """Return a topic's records about one report."""
        return [each for each in await self.read_topic(topic) if report_id in (each.get("report_id"), each.get("id"))]

    async def fetch(self, statement: str, *arguments: object) -> list[Any]:
        """Run a query in intake's schema."""
        conn = await asyncpg.connect(self.database, server_settings={"search_path": "intake"})
        try:
            return list(await conn.fetch(statement, *arguments))
        finally:
            await conn.close()

    async def set_status(self, report_id: str, status: str, awaited: list[str] | None) -> None:
        """Store the status that a report's case has, as the consumer of cases does."""
        case_id = ids.case_id("tiny", report_id)
        await self.fetch(
            "INSERT INTO outcome (report_id, result, case_id, decided_at)"
            " VALUES ($1::uuid, 'opened', $2, now()) ON CONFLICT DO NOTHING",
            report_id,
            case_id,
        )
        await self.fetch(
            "INSERT INTO standing (case_id, version, status, changed_at, callbacks_awaited)"
            " VALUES ($1, 1, $2, now(), $3::text[]::uuid[]) ON CONFLICT (case_id)"
            " DO UPDATE SET status = EXCLUDED.status, callbacks_awaited = EXCLUDED.callbacks_awaited",
            case_id,
            status,
            awaited,
        )


def _body(value: bytes | None) -> dict[str, Any] | None:
    try:
        body: dict[str, Any] = json.loads(value or b"null")
    except ValueError:
        return None  # an invalid record that a test appended
    return body


@asynccontextmanager
async def prepared_service(
    kafka: str, database: str, prefix: str, folder: Path, **settings: str
) -> AsyncIterator[IntakeService]:
    """Prepare database, topics, city and keys; kill the processes that were started at the end."""
    await _make_topics(kafka, prefix)
    service = IntakeService(kafka, database, prefix, folder, await _prepare(database), settings)
    try:
        yield service
    finally:
        await service.close()


async def _make_topics(kafka: str, prefix: str) -> None:
    async with TopicAdmin(KafkaCluster(kafka, prefix, topic_spec=find_topic), client_id="tests") as topology:
        await topology.ensure(topic.name for topic in TOPICS)


async def _prepare(database: str) -> dict[str, str]:
    conn = await asyncpg.connect(database)
    try:
        for schema, packages in (
            ("intake", (migrations.CHASSIS_MIGRATIONS, "paidan_intake.migrations")),
            ("cities", (migrations.CITIES_MIGRATIONS,)),
        ):
            await conn.execute(f"CREATE SCHEMA {schema}")
            await migrations.migrate(conn, schema, packages)
        await publish_pack(conn, TINY)
        tokens: dict[str, str] = {}
        for name, scopes in KEY_SCOPES.items():
            tokens[name], key = generate_key(name=name, city="tiny", scopes=scopes)
            await add_key(conn, "intake", key)
        return tokens
    finally:
        await conn.close()


async def publish_pack(conn: "asyncpg.Connection[Any]", folder: Path) -> str:
    """Store a city pack for intake and return its version."""
    city = load_city(folder)
    await conn.execute(
        "INSERT INTO cities.pack (version, city, content) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        city.version,
        city.id,
        city.pack.canonical_bytes(),
    )
    return city.version


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port
