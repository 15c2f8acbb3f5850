"""The baseline: consume, insert one row with a primary key, produce one message, with bare aiokafka and asyncpg."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any, Final

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord

from paidan_chassis.kafka.cluster import TopicSpec
from paidan_chassis.kafka.message import Message
from paidan_chassis.kafka.producer import Publisher, partition_for
from tests.bench.installation import BenchInstallation
from tests.bench.results import Measurement, make_measurement
from tests.bench.usage import spent_between

Records = Sequence["ConsumerRecord[Any, Any]"]

BATCH_SIZE: Final = 1_000
OUT_PARTITIONS: Final = 4
MAX_BYTES: Final = 2_000_000
CREATE_TABLE: Final = "CREATE TABLE IF NOT EXISTS bare (id text PRIMARY KEY, body bytea NOT NULL)"
INSERT: Final = "INSERT INTO bare (id, body) SELECT * FROM unnest($1::text[], $2::bytea[])"


@dataclass(frozen=True, slots=True)
class Clients:
    """The clients of a loop, and the topic that it produces to."""

    consumer: AIOKafkaConsumer
    producer: AIOKafkaProducer
    conn: "asyncpg.Connection[Any]"
    output_topic: str


ProcessBatch = Callable[[Clients, Records], Awaitable[None]]


async def measure_baseline(installation: BenchInstallation, messages: Sequence[Message]) -> dict[str, Measurement]:
    """Measure the plain loop, the baseline of dispatch, and one with the libraries' fastest calls."""
    return {
        "bare": await _run(installation, messages, _process_individually, "bare"),
        "bare_batched": await _run(installation, messages, _process_batched, "bare-batched"),
    }


async def _process_individually(clients: Clients, records: Records) -> None:
    await clients.conn.execute(INSERT, [_id(record) for record in records], [record.value for record in records])
    sent = [
        await clients.producer.send(clients.output_topic, record.value, key=_id(record).encode()) for record in records
    ]
    await asyncio.gather(*sent)


async def _process_batched(clients: Clients, records: Records) -> None:
    rows = [(_id(record), record.value) for record in records]
    await clients.conn.copy_records_to_table("bare", records=rows, columns=("id", "body"))
    batches = [clients.producer.create_batch() for _ in range(OUT_PARTITIONS)]
    for name, value in rows:
        key = name.encode()
        batches[partition_for(key, OUT_PARTITIONS)].append(key=key, value=value, timestamp=None)
    filled = [(number, batch) for number, batch in enumerate(batches) if batch.record_count()]
    sent = [
        await clients.producer.send_batch(batch, clients.output_topic, partition=number) for number, batch in filled
    ]
    await asyncio.gather(*sent)


def _id(record: "ConsumerRecord[Any, Any]") -> str:
    return f"{record.topic}-{record.offset:012d}"


async def _run(
    installation: BenchInstallation, messages: Sequence[Message], process: ProcessBatch, name: str
) -> Measurement:
    async with AsyncExitStack() as exit_stack:
        clients = await _open_clients(exit_stack, installation, messages, name)
        consumed, started, before = 0, time.monotonic(), await installation.usage()
        while consumed < len(messages):
            for records in (await clients.consumer.getmany(timeout_ms=1_000, max_records=BATCH_SIZE)).values():
                started = started if consumed else time.monotonic()
                await process(clients, records)
                consumed += len(records)
        duration_s = time.monotonic() - started
        return make_measurement(consumed, duration_s, spent_between(before, await installation.usage()))


async def _open_clients(
    exit_stack: AsyncExitStack, installation: BenchInstallation, messages: Sequence[Message], name: str
) -> Clients:
    input_topic, output_topic = f"{name}.in", f"{name}.out"
    kafka = replace(
        installation.kafka, topic_spec=lambda topic: TopicSpec(OUT_PARTITIONS if topic == output_topic else 1)
    )
    publisher = await exit_stack.enter_async_context(Publisher(kafka, client_id=name))
    await publisher.topic_admin.ensure([input_topic, output_topic])
    for begin in range(0, len(messages), BATCH_SIZE):
        await publisher.send([message._replace(topic=input_topic) for message in messages[begin : begin + BATCH_SIZE]])
    conn = await asyncpg.connect(installation.dsn, timeout=10)
    exit_stack.push_async_callback(conn.close)
    await conn.execute(CREATE_TABLE)
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka.servers, acks="all", enable_idempotence=True, compression_type="lz4",
        max_batch_size=MAX_BYTES, max_request_size=MAX_BYTES,
    )  # fmt: skip
    consumer = AIOKafkaConsumer(
        input_topic,
        bootstrap_servers=kafka.servers,
        group_id=name,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    for client in (producer, consumer):
        await client.start()
        exit_stack.push_async_callback(client.stop)
    return Clients(consumer, producer, conn, output_topic)
