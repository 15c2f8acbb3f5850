"""Commit times, from polling the consumers' positions, and the offset of each case's last event."""

import asyncio
import time
from bisect import bisect_right
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from paidan_contracts.topics import CASES, INBOX
from tests.bench.cpu import DRIVER_APPLICATION
from tests.bench.installation import BenchInstallation

QUIET_TIMEOUT_S: Final = 300.0
OffsetByPartition = Mapping[int, int]


class ConsumerLane(NamedTuple):
    """A consumer of a service and its topic."""

    schema: str
    consumer: str
    topic: str

    @property
    def positions_query(self) -> str:
        return (
            f"SELECT partition, next_offset, seq = relayed_seq AS relayed FROM {self.schema}.lane"
            f" WHERE consumer = '{self.consumer}' AND topic = '{self.topic}'"
        )


DISPATCH_INBOX: Final = ConsumerLane("dispatch", "dispatch", INBOX.name)
SCORING_CASES: Final = ConsumerLane("scoring", "scoring", CASES.name)
INTAKE_CASES: Final = ConsumerLane("intake", "intake-status", CASES.name)
COCKPIT_CASES: Final = ConsumerLane("cockpit", "cockpit", CASES.name)


@dataclass(slots=True)
class PositionHistory:
    """The times at which each partition's position was seen to advance."""

    reader: ConsumerLane
    times: dict[int, list[float]] = field(default_factory=dict)
    offsets: dict[int, list[int]] = field(default_factory=dict)
    advanced: asyncio.Event = field(default_factory=asyncio.Event)
    advanced_at: float = 0.0
    applied_before: int = 0
    """Records already applied at the first advance."""

    def record(self, partition: int, offset: int, at: float) -> None:
        """Record a position. A position that moved back restarts the partition's history."""
        times, offsets = self.times.setdefault(partition, []), self.offsets.setdefault(partition, [])
        if offsets and offset < offsets[-1]:
            times.clear()
            offsets.clear()
            self.advanced.clear()
        if not offsets or offset > offsets[-1]:
            forward = bool(offsets)
            times.append(at)
            offsets.append(offset)
            if forward and not self.advanced.is_set():
                self.advanced_at, self.applied_before = at, self.applied
                self.advanced.set()

    @property
    def applied(self) -> int:
        """Return how many records have been applied."""
        return sum(each[-1] for each in self.offsets.values())

    @property
    def last_advance(self) -> float:
        """Return when the last advance was seen."""
        return max((each[-1] for each in self.times.values()), default=0.0)

    def applied_at(self, partition: int, offset: int) -> float:
        """Return when the position was first seen past this offset."""
        return self.times[partition][bisect_right(self.offsets[partition], offset)]


@asynccontextmanager
async def watch_positions(
    installation: BenchInstallation, reader: ConsumerLane, *, every_s: float
) -> AsyncIterator[PositionHistory]:
    """Poll a consumer's positions while the context is open."""
    history = PositionHistory(reader)
    session = {"application_name": DRIVER_APPLICATION}
    conn = await asyncpg.connect(installation.dsn, timeout=10, server_settings=session)
    polling = asyncio.create_task(_poll_positions(history, conn, every_s))
    try:
        yield history
    finally:
        polling.cancel()
        await asyncio.gather(polling, return_exceptions=True)
        conn.terminate()


async def _poll_positions(history: PositionHistory, conn: "asyncpg.Connection[Any]", every_s: float) -> None:
    statement = await conn.prepare(history.reader.positions_query)
    while True:
        rows = await statement.fetch()
        now = time.monotonic()
        for row in rows:
            history.record(row["partition"], row["next_offset"], now)
        await asyncio.sleep(every_s)


class LogOffsets:
    """Reads end offsets from Kafka, and the last event of each case."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer

    @classmethod
    @asynccontextmanager
    async def connected(cls, installation: BenchInstallation) -> "AsyncIterator[LogOffsets]":
        """Open a connection to Kafka."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=installation.kafka.servers, enable_auto_commit=False, fetch_max_bytes=8_000_000
        )
        try:
            await consumer.start()
            yield cls(consumer)
        finally:
            await consumer.stop()

    async def end_offsets(self, topic: str) -> dict[int, int]:
        """Return the end offset of each partition."""
        parts = [TopicPartition(topic, number) for number in range(INBOX.partitions)]
        return {part.partition: end for part, end in (await self._consumer.end_offsets(parts)).items()}

    async def cases_since(self, since: OffsetByPartition) -> dict[str, tuple[int, int, float]]:
        """Return each case with an event since then: partition, offset and append time of its last event."""
        ends = await self.end_offsets(CASES.name)
        parts = {TopicPartition(CASES.name, number): end for number, end in ends.items() if end > since.get(number, 0)}
        self._consumer.assign(list(parts))
        for part in parts:
            self._consumer.seek(part, since.get(part.partition, 0))
        cases: dict[str, tuple[int, int, float]] = {}
        while any([await self._consumer.position(part) < end for part, end in parts.items()]):
            for part, records in (await self._consumer.getmany(timeout_ms=100)).items():
                for record in records:
                    cases[record.key.decode()] = part.partition, record.offset, record.timestamp / 1000
        self._consumer.unsubscribe()
        return cases


async def wait_until_caught_up(installation: BenchInstallation, logs: LogOffsets, *readers: ConsumerLane) -> None:
    """Wait until these consumers, upstream first, have applied their topics and relayed all their messages."""
    deadline = time.monotonic() + QUIET_TIMEOUT_S
    conn = await asyncpg.connect(installation.dsn, timeout=10)
    try:
        for reader in readers:
            while not await _is_caught_up(conn, reader, await logs.end_offsets(reader.topic)):
                if time.monotonic() > deadline:
                    raise TimeoutError(
                        f"{reader.consumer} has not read all of {reader.topic} in {QUIET_TIMEOUT_S:.0f} s"
                    )
                installation.require_running()
                await asyncio.sleep(0.05)
    finally:
        await conn.close()


async def _is_caught_up(conn: "asyncpg.Connection[Any]", reader: ConsumerLane, ends: OffsetByPartition) -> bool:
    positions = {row["partition"]: row for row in await conn.fetch(reader.positions_query)}
    return all(
        number in positions and positions[number]["next_offset"] >= end and positions[number]["relayed"]
        for number, end in ends.items()
    )
