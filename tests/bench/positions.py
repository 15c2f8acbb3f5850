"""When what was committed: positions seen from outside, as a client would, and where each case stands in the log."""

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
from tests.bench.installation import Ground

PATIENCE_S: Final = 300.0
Ends = Mapping[int, int]


class Reader(NamedTuple):
    """A consumer of a service, and the topic that it reads."""

    schema: str
    consumer: str
    topic: str

    @property
    def positions(self) -> str:
        return (
            f"SELECT partition, next_offset, seq = relayed_seq AS relayed FROM {self.schema}.lane"
            f" WHERE consumer = '{self.consumer}' AND topic = '{self.topic}'"
        )


LANES: Final = Reader("dispatch", "dispatch", INBOX.name)
FOLD: Final = Reader("scoring", "scoring", CASES.name)
STANDING: Final = Reader("intake", "intake-standing", CASES.name)


@dataclass(slots=True)
class Watch:
    """Notes when each partition's position is seen to have moved."""

    reader: Reader
    times: dict[int, list[float]] = field(default_factory=dict)
    offsets: dict[int, list[int]] = field(default_factory=dict)
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    moved_at: float = 0.0
    stood: int = 0
    """Records that were through when it first moved."""

    def note(self, partition: int, offset: int, at: float) -> None:
        """Take down a position. A lane put back begins anew."""
        times, offsets = self.times.setdefault(partition, []), self.offsets.setdefault(partition, [])
        if offsets and offset < offsets[-1]:
            times.clear()
            offsets.clear()
            self.moved.clear()
        if not offsets or offset > offsets[-1]:
            forward = bool(offsets)
            times.append(at)
            offsets.append(offset)
            if forward and not self.moved.is_set():
                self.moved_at, self.stood = at, self.through
                self.moved.set()

    @property
    def through(self) -> int:
        """Count the records that have been applied."""
        return sum(each[-1] for each in self.offsets.values())

    @property
    def newest(self) -> float:
        """Tell when the last move was seen."""
        return max((each[-1] for each in self.times.values()), default=0.0)

    def applied_at(self, partition: int, offset: int) -> float:
        """Tell when the position was first seen to be past this offset."""
        return self.times[partition][bisect_right(self.offsets[partition], offset)]


@asynccontextmanager
async def watching(ground: Ground, reader: Reader, *, every_s: float) -> AsyncIterator[Watch]:
    """Look at a reader's positions again and again while the context is open."""
    watch = Watch(reader)
    conn = await asyncpg.connect(ground.dsn, timeout=10)
    looking = asyncio.create_task(_look(watch, conn, every_s))
    try:
        yield watch
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        conn.terminate()


async def _look(watch: Watch, conn: "asyncpg.Connection[Any]", every_s: float) -> None:
    ask = await conn.prepare(watch.reader.positions)
    while True:
        rows = await ask.fetch()
        now = time.monotonic()
        for row in rows:
            watch.note(row["partition"], row["next_offset"], now)
        await asyncio.sleep(every_s)


class Logs:
    """Asks Kafka where logs end, and reads what the cases' log says."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer

    @classmethod
    @asynccontextmanager
    async def open(cls, ground: Ground) -> "AsyncIterator[Logs]":
        """Connect."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=ground.kafka.servers, enable_auto_commit=False, fetch_max_bytes=8_000_000
        )
        await consumer.start()
        try:
            yield cls(consumer)
        finally:
            await consumer.stop()

    async def ends(self, topic: str) -> dict[int, int]:
        """Tell where each partition ends."""
        parts = [TopicPartition(topic, number) for number in range(INBOX.partitions)]
        return {part.partition: end for part, end in (await self._consumer.end_offsets(parts)).items()}

    async def cases(self, since: Ends) -> dict[str, tuple[int, int, float]]:
        """Give each case that took a step since: partition and offset of its last step, and when it was appended."""
        ends = await self.ends(CASES.name)
        parts = {TopicPartition(CASES.name, number): end for number, end in ends.items() if end > since.get(number, 0)}
        self._consumer.assign(list(parts))
        for part in parts:
            self._consumer.seek(part, since.get(part.partition, 0))
        found: dict[str, tuple[int, int, float]] = {}
        while any([await self._consumer.position(part) < end for part, end in parts.items()]):
            for part, records in (await self._consumer.getmany(timeout_ms=100)).items():
                for record in records:
                    found[record.key.decode()] = part.partition, record.offset, record.timestamp / 1000
        self._consumer.unsubscribe()
        return found


async def quiet(ground: Ground, logs: Logs, *readers: Reader) -> None:
    """Return when these, named in the direction of the flow, have read all there is and what they say is relayed."""
    deadline = time.monotonic() + PATIENCE_S
    conn = await asyncpg.connect(ground.dsn, timeout=10)
    try:
        for reader in readers:
            while not await _is_through(conn, reader, await logs.ends(reader.topic)):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{reader.consumer} has not read all of {reader.topic} in {PATIENCE_S:.0f} s")
                ground.check()
                await asyncio.sleep(0.05)
    finally:
        await conn.close()


async def _is_through(conn: "asyncpg.Connection[Any]", reader: Reader, ends: Ends) -> bool:
    stands = {row["partition"]: row for row in await conn.fetch(reader.positions)}
    return all(
        number in stands and stands[number]["next_offset"] >= end and stands[number]["relayed"]
        for number, end in ends.items()
    )
