"""Runs scoring as a process on a real Kafka and PostgreSQL, and reads what it stores and publishes."""

import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, TypeVar

import httpx
from aiokafka import AIOKafkaConsumer

from paidan_chassis.kafka.cluster import TopicSpec
from paidan_chassis.kafka.message import Message
from paidan_contracts.scores import ScoreUpdated
from paidan_contracts.topics import CASES, SCORES
from tests import consumer_service
from tests import servers as real
from tests.consumer_service import ConsumerService
from tests.fork_server import ForkedProcess
from tests.polling import poll
from tests.scoring import database_fixture

T = TypeVar("T")
_TOPICS: Final = {topic.name: TopicSpec(2 if topic is CASES else 1, topic.config) for topic in (CASES, SCORES)}


class ScoringService(ConsumerService):
    """Scoring, with the tiny city published."""

    def start(self, *arguments: str, port: int = 0) -> ForkedProcess:
        """Start the service, or one of its components, or a rebuild."""
        settings = {"SCORING_PORT": str(port), "SCORING_PUBLISH_EVERY_S": "0.1"}
        return self.start_process("scoring", "paidan_scoring", *arguments, **settings)

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


@asynccontextmanager
async def running_service(servers: real.ServerAddresses, prefix: str, folder: Path) -> AsyncIterator[ScoringService]:
    """Create topics and tables and publish the tiny city; stop the processes at the end."""
    async with consumer_service.running_service(
        ScoringService, servers, prefix, folder, topics=_TOPICS, open_pool=database_fixture.open_pool
    ) as service:
        await database_fixture.publish_pack(service.pool, database_fixture.pack_bytes())
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
