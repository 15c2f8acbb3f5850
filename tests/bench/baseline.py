"""The yardstick: consume, insert one row with a primary key, produce one message, with bare aiokafka and asyncpg."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any, Final

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord

from paidan_chassis.consumer.records import Message
from paidan_chassis.kafka.cluster import TopicShape
from paidan_chassis.kafka.partitioner import partition_for
from paidan_chassis.kafka.producer import Publisher
from tests.bench.cpu import spent
from tests.bench.installation import Ground
from tests.bench.results import Measured, measured

Records = Sequence["ConsumerRecord[Any, Any]"]

AT_ONCE: Final = 1_000
OUT_PARTITIONS: Final = 4
MOST_BYTES: Final = 2_000_000
TABLE: Final = "CREATE TABLE IF NOT EXISTS bare (id text PRIMARY KEY, body bytea NOT NULL)"
INSERT: Final = "INSERT INTO bare (id, body) SELECT * FROM unnest($1::text[], $2::bytea[])"


@dataclass(frozen=True, slots=True)
class Tools:
    """What a loop works with."""

    consumer: AIOKafkaConsumer
    producer: AIOKafkaProducer
    conn: "asyncpg.Connection[Any]"
    out: str


Step = Callable[[Tools, Records], Awaitable[None]]


async def bare(ground: Ground, messages: Sequence[Message]) -> dict[str, Measured]:
    """Run the loop in the plain way, by which dispatch is judged, and with the libraries' fastest calls."""
    return {
        "bare": await _run(ground, messages, _plainly, "bare"),
        "bare_batched": await _run(ground, messages, _batched, "bare-batched"),
    }


async def _plainly(tools: Tools, records: Records) -> None:
    await tools.conn.execute(INSERT, [_id(record) for record in records], [record.value for record in records])
    sent = [await tools.producer.send(tools.out, record.value, key=_id(record).encode()) for record in records]
    await asyncio.gather(*sent)


async def _batched(tools: Tools, records: Records) -> None:
    rows = [(_id(record), record.value) for record in records]
    await tools.conn.copy_records_to_table("bare", records=rows, columns=("id", "body"))
    batches = [tools.producer.create_batch() for _ in range(OUT_PARTITIONS)]
    for name, value in rows:
        key = name.encode()
        batches[partition_for(key, OUT_PARTITIONS)].append(key=key, value=value, timestamp=None)
    filled = [(number, batch) for number, batch in enumerate(batches) if batch.record_count()]
    sent = [await tools.producer.send_batch(batch, tools.out, partition=number) for number, batch in filled]
    await asyncio.gather(*sent)


def _id(record: "ConsumerRecord[Any, Any]") -> str:
    return f"{record.topic}-{record.offset:012d}"


async def _run(ground: Ground, messages: Sequence[Message], step: Step, name: str) -> Measured:
    async with AsyncExitStack() as opened:
        tools = await _open(opened, ground, messages, name)
        done, began, before = 0, time.monotonic(), await ground.used()
        while done < len(messages):
            for records in (await tools.consumer.getmany(timeout_ms=1_000, max_records=AT_ONCE)).values():
                began = began if done else time.monotonic()
                await step(tools, records)
                done += len(records)
        took = time.monotonic() - began
        return measured(done, took, spent(before, await ground.used()))


async def _open(opened: AsyncExitStack, ground: Ground, messages: Sequence[Message], name: str) -> Tools:
    came, out = f"{name}.in", f"{name}.out"
    kafka = replace(ground.kafka, shape=lambda topic: TopicShape(OUT_PARTITIONS if topic == out else 1))
    publisher = await opened.enter_async_context(Publisher(kafka, client_id=name))
    await publisher.topology.ensure([came, out])
    for begin in range(0, len(messages), AT_ONCE):
        await publisher.send([message._replace(topic=came) for message in messages[begin : begin + AT_ONCE]])
    conn = await asyncpg.connect(ground.dsn, timeout=10)
    opened.push_async_callback(conn.close)
    await conn.execute(TABLE)
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka.servers, acks="all", enable_idempotence=True, compression_type="lz4",
        max_batch_size=MOST_BYTES, max_request_size=MOST_BYTES,
    )  # fmt: skip
    consumer = AIOKafkaConsumer(
        came, bootstrap_servers=kafka.servers, group_id=name, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    for client in (producer, consumer):
        await client.start()
        opened.push_async_callback(client.stop)
    return Tools(consumer, producer, conn, out)
