"""The fixture of the consumer tests: topics, a database, sample consumers, and the audit of their results."""

import asyncio
import os
import signal
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import asyncpg
from aiokafka import AIOKafkaConsumer, ConsumerRecord

from paidan_chassis.consumer.consumer import LaneConsumer
from paidan_chassis.kafka.message import Message
from paidan_chassis.kafka.producer import Publisher
from paidan_chassis.migrations import CHASSIS_MIGRATIONS, migrate
from tests import fork_server
from tests.chassis import sample_consumer
from tests.chassis.consumer_options import SCHEMA, ConsumerOptions
from tests.chassis.sample_consumer import TABLES
from tests.fork_server import ForkedProcess
from tests.polling import poll


class Echo(NamedTuple):
    """One message that the sample consumer's relay has published."""

    partition: int
    key: str
    version: int
    body: str
    origin: str
    sequence: int
    previous: int
    ce_id: str


@dataclass(slots=True)
class ConsumerProcess:
    """A sample consumer in a process of its own."""

    process: ForkedProcess
    log: Path

    def send_signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def exit_code(self) -> int | None:
        return self.process.poll()

    def log_text(self) -> str:
        return self.log.read_text()


@dataclass(slots=True)
class ConsumerHarness:
    """One test's topics and database. ``sent`` holds every body that was sent."""

    options: ConsumerOptions
    folder: Path
    sent: list[str] = field(default_factory=list)
    process_count: int = 0
    consumers: list[LaneConsumer] = field(default_factory=list)
    """Those that ran in this process, newest last."""

    async def prepare(self) -> None:
        """Create the tables."""
        async with self.conn() as conn:
            await migrate(conn, SCHEMA, [CHASSIS_MIGRATIONS])
            await conn.execute(f"SET search_path = {SCHEMA}")
            await conn.execute(TABLES)

    @asynccontextmanager
    async def conn(self) -> AsyncIterator[asyncpg.Connection]:
        """Open a connection to the sample consumer's schema."""
        conn = await asyncpg.connect(self.options.dsn, server_settings={"search_path": SCHEMA}, timeout=10)
        try:
            yield conn
        finally:
            await conn.close()

    async def send(self, bodies: Sequence[str], *, topic: str = "in", keys: int = 7) -> None:
        """Send records, spread over some keys."""
        async with Publisher(self.options.cluster(), client_id="sender") as publisher:
            for start in range(0, len(bodies), 1000):
                chosen = bodies[start : start + 1000]
                await publisher.send(
                    [Message(topic, f"k{key_number(body) % keys}", body.encode(), ()) for body in chosen], timeout_s=60
                )
                self.sent += chosen

    @contextmanager
    def start_process(self, **overrides: object) -> Iterator[ConsumerProcess]:
        """Run a sample consumer in a process of its own; it is killed at the end if it still runs."""
        self.process_count += 1
        log = self.folder / f"consumer-{self.process_count}.log"
        log.touch()
        options = replace(self.options, **overrides)  # type: ignore[arg-type] # names of fields, as the tests say
        process = fork_server.start(
            "tests.chassis.sample_consumer", options.argument(), environment=os.environ, out=log
        )
        try:
            yield ConsumerProcess(process, log)
        finally:
            process.kill()
            process.wait()

    @asynccontextmanager
    async def run_in_process(self, **overrides: object) -> AsyncIterator["asyncio.Task[None]"]:
        """Run a sample consumer in this process; it is stopped gracefully at the end."""
        options = replace(self.options, **overrides)  # type: ignore[arg-type] # names of fields, as the tests say
        stop = asyncio.Event()
        async with options.open_pool() as pool:
            task = asyncio.create_task(sample_consumer.run_consumer(options, pool, stop, self.consumers))
            try:
                yield task
            finally:
                stop.set()
                await asyncio.wait([task], timeout=15)
                if not task.cancel() and not task.cancelled():
                    task.exception()  # tests that expect one have seen it

    async def fetch_number(self, statement: str, *arguments: object) -> int:
        """Return the one number that a statement selects."""
        async with self.conn() as conn:
            return int(await conn.fetchval(statement, *arguments) or 0)

    async def balance(self) -> int:
        return await self.fetch_number("SELECT entries FROM balance")

    async def dead_letter_count(self) -> int:
        return await self.fetch_number("SELECT count(*) FROM dead_letter")

    async def unrelayed_count(self) -> int:
        return await self.fetch_number("SELECT sum(seq - relayed_seq) FROM lane")

    async def wait_applied(self, entries: int, *, within_s: float = 60) -> None:
        """Wait until this many records are applied."""

        await self._poll_statement(f"SELECT entries >= {entries} FROM balance", within_s, what=f"{entries} entries")

    async def wait_settled(self, entries: int, *, within_s: float = 60) -> None:
        """Wait until this many records are applied and all their messages are acknowledged and saved."""
        await self.wait_applied(entries, within_s=within_s)

        await self._poll_statement("SELECT sum(seq - relayed_seq) = 0 FROM lane", within_s, what="everything relayed")

    async def _poll_statement(self, statement: str, within_s: float, *, what: str) -> None:
        """Poll a statement until it returns true, over one connection: opening one each time costs more."""
        async with self.conn() as conn:

            async def is_true() -> bool:
                return bool(await conn.fetchval(statement))

            await poll(is_true, within_s=within_s, what=what)

    async def read_echoes(self, topic: str = "echo") -> list[Echo]:
        """Return the messages of a relayed topic, read as any stock client would."""
        return [_echo(record) for record in await self.read_topic(topic)]

    async def _sequence_numbers(self, topic: str) -> list[tuple[str, int]]:
        found = [dict(record.headers) for record in await self.read_topic(topic)]
        return [(headers["ce_origin"].decode(), int(headers["ce_sequence"])) for headers in found]

    async def read_topic(self, topic: str) -> "list[ConsumerRecord[bytes, bytes]]":
        """Return all records of a topic."""
        consumer = AIOKafkaConsumer(
            self.options.cluster().prefixed(topic), bootstrap_servers=self.options.kafka, auto_offset_reset="earliest"
        )
        try:
            await consumer.start()
            partitions = list(consumer.assignment())
            ends = await consumer.end_offsets(partitions)
            records = []
            for each, end in ends.items():
                while await consumer.position(each) < end:
                    records += (await consumer.getmany(each, timeout_ms=200)).get(each, [])
            return records
        finally:
            await consumer.stop()

    async def audit(self) -> None:
        """Check that everything sent was applied and published: nothing lost, nothing twice, everything in order."""
        async with self.conn() as conn:
            entries = await conn.fetch("SELECT key, version, body FROM entry ORDER BY id")
        assert Counter(row["body"] for row in entries) == Counter(self.sent)
        assert await self.balance() == len(self.sent)
        by_key: defaultdict[str, list[int]] = defaultdict(list)
        for row in entries:
            by_key[row["key"]].append(row["version"])
        assert all(versions == list(range(1, len(versions) + 1)) for versions in by_key.values())
        echoes = await self.read_echoes()
        check_echoes(echoes, other_numbers=await self._sequence_numbers("paidan.dead-letters"))
        assert {(each.key, each.version, each.body) for each in echoes} == {tuple(row) for row in entries}


def check_echoes(echoes: Sequence[Echo], *, other_numbers: Iterable[tuple[str, int]] = ()) -> None:
    """Check what readers rely on: no two messages have one number, and first appearances leave no gap.

    ``other_numbers`` are those of messages on other topics.
    """
    first: dict[tuple[str, int], Echo] = {}
    last_sequences: dict[tuple[str, int], int] = defaultdict(int)
    versions: dict[str, int] = defaultdict(int)
    for each in echoes:
        earlier = first.setdefault((each.origin, each.sequence), each)
        assert earlier == each, f"{each.origin} {each.sequence} is the number of two messages"
        if earlier is each:
            origin_partition = (each.origin, each.partition)
            assert each.previous == last_sequences[origin_partition], f"a gap before {each}"
            last_sequences[origin_partition] = each.sequence
            assert each.version == versions[each.key] + 1, f"out of order: {each}"
            versions[each.key] = each.version
    numbers = defaultdict(set)
    for origin, sequence in (*first, *other_numbers):
        numbers[origin].add(sequence)
    assert all(seen == set(range(1, len(seen) + 1)) for seen in numbers.values())


def key_number(body: str) -> int:
    """Return the number of a body's key, the same in every process."""
    return sum(body.encode())


def make_bodies(count: int, *, name: str = "body") -> list[str]:
    """Return this many distinct bodies."""
    return [f"{name} {number}" for number in range(count)]


def _echo(record: "ConsumerRecord[bytes, bytes]") -> Echo:
    headers = dict(record.headers)
    version, _, body = record.value.decode().partition(" ")
    return Echo(
        partition=record.partition,
        key=record.key.decode(),
        version=int(version),
        body=body,
        origin=headers["ce_origin"].decode(),
        sequence=int(headers["ce_sequence"]),
        previous=int(headers["ce_previous"]),
        ce_id=headers["ce_id"].decode(),
    )
