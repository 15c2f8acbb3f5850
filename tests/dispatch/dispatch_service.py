"""Runs dispatch on a real Kafka and PostgreSQL, in this process or in one of its own, and calls it as clients do."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.partitioner import murmur2
from pydantic import SecretStr

from paidan_chassis.edge.api_keys import add_key, generate_key
from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_chassis.kafka.message import Message
from paidan_chassis.kafka.producer import Publisher
from paidan_chassis.observability.health import Health
from paidan_chassis.observability.metrics import Metrics
from paidan_chassis.runtime import Component, ProcessContext
from paidan_contracts.inbox import CityInForce, InboxEvent
from paidan_contracts.topics import INBOX, TOPICS, answers_topic_of, find_topic, orders_topic_of
from paidan_deploy.provisioning.connection import open_connection
from paidan_deploy.provisioning.release import place_release_marks
from paidan_dispatch import app
from paidan_dispatch.settings import Settings
from tests import fork_server, vault
from tests.dispatch import database_fixture
from tests.dispatch.inbox_entries import photo_stored
from tests.fork_server import ForkedProcess
from tests.polling import poll


@dataclass(slots=True)
class DispatchService:
    """A database and topics of one test's own, with dispatch's clients."""

    kafka: str
    prefix: str
    dsn: str
    publisher: Publisher
    keys: dict[str, str] = field(default_factory=dict)

    @property
    def cluster(self) -> KafkaCluster:
        """The Kafka cluster with the test's topic prefix."""
        return KafkaCluster(self.kafka, self.prefix, topic_spec=find_topic)

    async def append_to_inbox(self, *entries: InboxEvent) -> None:
        """Append entries to the inbox as their writers do; a city put in force goes to every partition."""
        for entry in entries:
            if isinstance(entry, CityInForce):
                await self._append_to_every_partition(entry)
            else:
                key = getattr(entry, "area", "")
                await self.publisher.send([Message(INBOX.name, key, entry.model_dump_json().encode(), ())])

    async def store_proof(self, case_id: str, *, by: str = "department:streets") -> str:
        """Append that ``by`` (``role:id``) stored a photo for a case, as intake does; return its reference."""
        ref = f"{sha256(f'{case_id} {by}'.encode()).hexdigest()}.jpg"
        await self.append_to_inbox(photo_stored(case_id, ref, by=by, minutes=1))
        return ref

    async def _append_to_every_partition(self, entry: CityInForce) -> None:
        key_by_partition = {_partition_of(f"{n}"): f"{n}" for n in range(200)}
        assert len(key_by_partition) == INBOX.partitions
        body = entry.model_dump_json().encode()
        await self.publisher.send([Message(INBOX.name, key, body, ()) for key in key_by_partition.values()])

    async def append_answer(self, department: str, body: dict[str, Any] | bytes, *, key: str = "k") -> None:
        """Send an answer as a department does, with a stock client."""
        value = body if isinstance(body, bytes) else json.dumps(body).encode()
        await self.publisher.send([Message(answers_topic_of(department).name, key, value, ())])

    async def read_topic(self, topic: str) -> list[dict[str, Any]]:
        """Return all bodies of a topic, from its start to its end."""
        topic_name = self.cluster.prefixed(topic)
        partitions = [
            TopicPartition(topic_name, each) for each in range(await self.publisher.topic_admin.partitions(topic))
        ]
        consumer = AIOKafkaConsumer(bootstrap_servers=self.kafka, auto_offset_reset="earliest")
        try:
            await consumer.start()
            consumer.assign(partitions)
            ends = await consumer.end_offsets(partitions)
            bodies = []
            while any([await consumer.position(each) < end for each, end in ends.items()]):
                for polled in (await consumer.getmany(timeout_ms=200)).values():
                    bodies += [json.loads(record.value) for record in polled]
            return bodies
        finally:
            await asyncio.sleep(0)  # a task of aiokafka's that is cancelled before it began takes its closer with it
            await consumer.stop()

    async def create_key(self, *scopes: str, city: str = "tiny") -> dict[str, str]:
        """Create a key with these scopes and return the headers of its holder."""
        token, key = generate_key(name="test", city=city, scopes=scopes)
        conn = await asyncpg.connect(self.dsn)
        try:
            await add_key(conn, "dispatch", key)
        finally:
            await conn.close()
        return {"authorization": f"Bearer {token}"}

    async def fetch_value(self, statement: str, *arguments: object) -> Any:  # noqa: ANN401 - any type that the database returns
        """Return one value from the database."""
        conn = await asyncpg.connect(self.dsn, server_settings={"search_path": "dispatch"})
        try:
            return await conn.fetchval(statement, *arguments)
        finally:
            await conn.close()

    async def await_messages(self, topic: str, count: int, *, about: Sequence[str] = ()) -> list[dict[str, Any]]:
        """Wait until a topic holds so many messages that mention these ids (any, if none is given)."""

        async def matching_messages() -> list[dict[str, Any]]:
            found = [
                each for each in await self.read_topic(topic) if not about or any(id_ in str(each) for id_ in about)
            ]
            return found if len(found) >= count else []

        return await poll(matching_messages, within_s=60, what=f"{count} messages on {topic}")

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment that the supervisor gives to the process."""
        return {
            "DISPATCH_KAFKA": self.kafka,
            "DISPATCH_DATABASE": self.dsn,
            "DISPATCH_TOPIC_PREFIX": self.prefix,
            "DISPATCH_PORT": "0",
            "DISPATCH_VAULT_KEY": vault.KEY,
            **more,
        }

    @contextmanager
    def start_process(self, *arguments: str, log: Path, **more: str) -> Iterator[ForkedProcess]:
        """Run dispatch in a process of its own; it is killed at the end if it still runs."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("DISPATCH_")}
        process = fork_server.start(
            "paidan_dispatch", *arguments, environment=inherited | self.environment(**more), out=log
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    @asynccontextmanager
    async def run_in_process(self, *parts: Component, kafka: str | None = None) -> AsyncIterator[httpx.AsyncClient]:
        """Run dispatch, or one part, in this process, stopped gracefully at the end; yield a client of its edge."""
        settings = Settings(
            kafka=kafka or self.kafka,
            database=SecretStr(self.dsn),
            topic_prefix=self.prefix,
            port=0,
            vault_key=SecretStr(vault.KEY),
        )
        metrics = Metrics("dispatch")
        process = ProcessContext("dispatch", frozenset(parts or ("loop", "edge")), metrics, Health(metrics))
        stop = asyncio.Event()
        async with AsyncExitStack() as exit_stack:
            running = await exit_stack.enter_async_context(app.build(settings, process))
            assert running.edge is not None
            loops = [asyncio.ensure_future(loop(stop)) for loop in running.loops.values()]
            transport = httpx.ASGITransport(app=running.edge)
            client = await exit_stack.enter_async_context(
                httpx.AsyncClient(transport=transport, base_url="http://dispatch")
            )
            try:
                yield client
            finally:
                stop.set()
                _, late = await asyncio.wait(loops, timeout=30) if loops else (set(), set())
                for loop in late:
                    loop.cancel()
                await asyncio.gather(*loops)


@asynccontextmanager
async def open_service(kafka: str, prefix: str, dsn: str) -> AsyncIterator[DispatchService]:
    """Prepare tables, topics and release marks; the topics are deleted with the broker."""
    await database_fixture.prepare_database(dsn)
    async with Publisher(KafkaCluster(kafka, prefix, topic_spec=find_topic), client_id="test") as publisher:
        service = DispatchService(kafka, prefix, dsn, publisher)
        departments = [orders_topic_of(each).name for each in ("streets", "lamps")]
        answers = [answers_topic_of(each).name for each in ("streets", "lamps")]
        await publisher.topic_admin.ensure([*(topic.name for topic in TOPICS), *departments, *answers])
        async with open_connection(dsn) as conn:
            await place_release_marks(conn, service.cluster)
        yield service


def _partition_of(key: str) -> int:
    """Return the partition that every stock client chooses for a key."""
    return int(murmur2(key.encode()) & 0x7FFFFFFF) % INBOX.partitions
