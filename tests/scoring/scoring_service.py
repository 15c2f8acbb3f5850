"""Runs scoring as a process on a real Kafka and PostgreSQL, and reads what it stores and publishes."""

import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import asyncpg
import httpx
from aiokafka import AIOKafkaConsumer

from paidan_chassis.kafka.cluster import KafkaCluster, TopicSpec
from paidan_chassis.kafka.message import Message
from paidan_chassis.kafka.producer import Publisher
from paidan_contracts.scores import ScoreUpdated
from paidan_contracts.state import CaseState
from paidan_contracts.topics import CASES, SCORES
from tests import fork_server, vault
from tests import servers as real
from tests.fork_server import ForkedProcess
from tests.polling import poll
from tests.scoring import case_histories, database_fixture

T = TypeVar("T")
_TOPICS: Final = {topic.name: TopicSpec(2 if topic is CASES else 1, topic.config) for topic in (CASES, SCORES)}


@dataclass(slots=True)
class ScoringService:
    """The database and topics of one test, and the processes that use them."""

    servers: real.ServerAddresses
    dsn: str
    prefix: str
    pool: "asyncpg.Pool[Any]"
    publisher: Publisher
    folder: Path
    processes: list[ForkedProcess] = field(default_factory=list)

    def start(self, *arguments: str, port: int = 0) -> ForkedProcess:
        """Start the service, or one of its components, or a rebuild."""
        environment = {
            **os.environ,
            "SCORING_KAFKA": self.servers.kafka,
            "SCORING_DATABASE": self.dsn,
            "SCORING_TOPIC_PREFIX": self.prefix,
            "SCORING_PORT": str(port),
            "SCORING_VAULT_KEY": vault.KEY,
            "SCORING_PUBLISH_EVERY_S": "0.1",
        }
        log = self.folder / f"scoring-{len(self.processes)}.log"
        process = fork_server.start("paidan_scoring", *arguments, environment=environment, out=log)
        self.processes.append(process)
        return process

    def log_text(self) -> str:
        """Return the processes' logs, for the message of a failed test."""
        return "\n".join(log.read_text()[-3000:] for log in sorted(self.folder.glob("*.log")))

    async def publish_states(self, states: Sequence[CaseState]) -> None:
        """Publish steps of cases, as dispatch's relay would."""
        for begin in range(0, len(states), 500):
            await self.publisher.send(
                [
                    Message(CASES.name, state.case_id, case_histories.case_event(state).model_dump_json().encode(), ())
                    for state in states[begin : begin + 500]
                ]
            )

    async def publish_raw(self, key: str, value: bytes) -> None:
        """Publish any bytes."""
        await self.publisher.send([Message(CASES.name, key, value, ())])

    async def await_versions(self, versions: int, *, within_s: float = 30) -> None:
        """Wait until the versions of all facts add up: each case has been folded to its last version."""
        try:
            await await_value(
                self.version_sum, versions, within_s=within_s, what="all cases folded to their last version"
            )
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log_text()}") from error

    async def version_sum(self) -> int:
        """Sum the newest version of every case."""
        return int(await self.pool.fetchval("SELECT COALESCE(sum(version), 0)::bigint FROM fact WHERE facts & 1 = 1"))

    async def dump_tables(self) -> list[str]:
        """Return facts and tallies as text, sorted."""
        facts = await self.pool.fetch("SELECT fact::text AS line FROM fact ORDER BY line")
        tallies = await self.pool.fetch("SELECT tally::text AS line FROM tally WHERE number <> 0 ORDER BY line")
        return [row["line"] for row in (*facts, *tallies)]

    async def create_key(self, *scopes: str, city: str = "*") -> dict[str, str]:
        """Create an API key and return the header that carries it."""
        return await database_fixture.create_key(self.pool, *scopes, city=city)

    async def published_scores(self) -> list[ScoreUpdated]:
        """Read every message of the scores' topic."""
        consumer = AIOKafkaConsumer(self.prefix + SCORES.name, bootstrap_servers=self.servers.kafka)
        try:
            await consumer.start()
            [partition] = consumer.assignment()
            end = (await consumer.end_offsets([partition]))[partition]
            await consumer.seek_to_beginning()
            found: list[ScoreUpdated] = []
            while await consumer.position(partition) < end:
                for records in (await consumer.getmany(timeout_ms=1000)).values():
                    found += [ScoreUpdated.model_validate_json(record.value) for record in records]
            return found
        finally:
            await consumer.stop()

    def stop(self) -> None:
        """End every process that was started here."""
        fork_server.end_all(self.processes)


@asynccontextmanager
async def running_service(servers: real.ServerAddresses, prefix: str, folder: Path) -> AsyncIterator[ScoringService]:
    """Create topics and tables and publish the tiny city; stop the processes at the end."""
    async with AsyncExitStack() as stack:
        dsn = await stack.enter_async_context(real.fresh_database(servers))
        pool = await stack.enter_async_context(database_fixture.open_pool(dsn))
        kafka = KafkaCluster(servers.kafka, prefix, topic_spec=_TOPICS.__getitem__)
        publisher = await stack.enter_async_context(Publisher(kafka, client_id="test"))
        await publisher.topic_admin.ensure([CASES.name, SCORES.name])
        await database_fixture.publish_pack(pool, database_fixture.pack_bytes())
        service = ScoringService(servers, dsn, prefix, pool, publisher, folder)
        stack.callback(service.stop)
        yield service


async def await_value(check: Callable[[], Awaitable[T]], expected: T, *, within_s: float = 30, what: str) -> None:
    """Wait until ``check`` returns this value."""

    async def is_equal() -> bool:
        return await check() == expected

    await poll(is_equal, within_s=within_s, what=what)


async def await_exit(process: ForkedProcess, *, within_s: float = 30) -> int:
    """Wait for a process to end and return its exit code."""
    await poll(lambda: process.poll() is not None, within_s=within_s, what="the process ends")
    return process.wait()


def kill_process(process: ForkedProcess) -> None:
    """Kill -9."""
    process.send_signal(signal.SIGKILL)
    process.wait()


async def open_edge_client(port: int) -> httpx.AsyncClient:
    """Open a client on a service's edge once it is ready."""
    client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10)

    async def ready() -> bool:
        try:
            return (await client.get("/readyz")).status_code == 200
        except httpx.TransportError:
            return False

    await poll(ready, what="the edge is ready")
    return client
