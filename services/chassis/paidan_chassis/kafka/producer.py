"""A supervised idempotent producer, and the partition that a key belongs to."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import lru_cache
from types import TracebackType
from typing import Final, Self, TypeVar

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError
from aiokafka.partitioner import murmur2

from paidan_chassis.errors import Unacknowledged
from paidan_chassis.kafka.aiokafka_patches import use_fast_lz4
from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_chassis.kafka.errors import BatchTooLarge, MessageTooLarge
from paidan_chassis.kafka.message import Message
from paidan_chassis.kafka.record_batch import (
    MAX_BATCH_BYTES,
    ProducerRecord,
    RecordBatch,
    SendableBatch,
    build_batches,
    group_by_partition,
)
from paidan_chassis.kafka.topic_admin import TopicAdmin

T = TypeVar("T")

MAX_VALUE_BYTES: Final = 1_000_000
"""Bytes. Leaves room for headers below the broker's own limit of 1 MiB for a message that lz4 cannot shrink."""
_REQUEST_TIMEOUT_S: Final = 10.0
_IN_ORDER_TIMEOUT_S: Final = 20.0
_CLOSE_TIMEOUT_S: Final = 1.0
_MIN_BATCH_RECORDS: Final = 16
_KAFKA_ERRORS: Final = (KafkaError, OSError, TimeoutError)
_TOO_LARGE: Final = (MessageSizeTooLargeError, RecordListTooLargeError)


# The same key comes many times, several of them in one batch.
_hash_of_key = lru_cache(maxsize=65_536)(murmur2)


def partition_for(key: bytes, partitions: int) -> int:
    """Return the partition of a key, as Kafka's stock clients choose it."""
    return int((_hash_of_key(key) & 0x7FFFFFFF) % partitions)


class Publisher:
    """An ``acks=all`` idempotent lz4 producer that is replaced by a new one whenever it fails.

    aiokafka's idempotent producer fails for ever after some errors of the broker, so no error is retried here: the
    producer is discarded, and the caller sends again.
    """

    def __init__(self, kafka: KafkaCluster, *, client_id: str, linger_ms: int = 0) -> None:
        use_fast_lz4()
        self.topic_admin = TopicAdmin(kafka, client_id=client_id)
        self.rebuilds = 0
        """Producers that were replaced."""
        self.kafka = kafka
        self._prefix = kafka.prefix
        self._client_id = client_id
        self._linger_ms = linger_ms
        self._producer: AIOKafkaProducer | None = None
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await _close_producer(producer)
        await self.topic_admin.__aexit__(error_type, error, traceback)

    async def send(self, messages: Sequence[Message], *, timeout_s: float = 10.0) -> None:
        """Publish messages, each to its key's partition; returns when Kafka has acknowledged all of them.

        Raises ``Unacknowledged`` when it has not in time; they may be stored all the same. Concurrent calls share
        batches and are not ordered among each other. Missing topics are created.
        """
        _reject_oversized(message.value for message in messages)
        records = await self._to_producer_records(messages)
        if len(records) < _MIN_BATCH_RECORDS:
            await self._run(lambda producer: self._send_singly(producer, records), timeout_s=timeout_s)
        else:
            batches = build_batches(records)  # a quarter of the work of sending them one by one
            await self._run(lambda producer: self._send_batches(producer, batches), timeout_s=timeout_s)

    async def send_in_order(self, records: Iterable[ProducerRecord]) -> None:
        """Publish records, those of each partition in their order.

        Raises ``Unacknowledged``; the next call uses a new producer: call again with the same records.
        """
        await self.send_batches(build_batches(records))

    async def send_batches(self, batches: Sequence[RecordBatch]) -> None:
        """Publish in order: a partition's next batch is sent only when the one before it is acknowledged.

        Raises ``Unacknowledged``, or ``BatchTooLarge``; the next call uses a new producer: call again.
        """
        await self._run(lambda producer: self._send_batches(producer, batches), timeout_s=_IN_ORDER_TIMEOUT_S)

    async def append(self, record: ProducerRecord) -> int:
        """Publish one record, and return its offset. Raises ``Unacknowledged``."""
        batches = build_batches([record])
        return await self._run(lambda producer: self._send_partition(producer, batches), timeout_s=_IN_ORDER_TIMEOUT_S)

    async def partitions(self, topic: str) -> int:
        """Return a topic's number of partitions, creating the topic if needed; may raise ``Unacknowledged``."""
        if topic in self.topic_admin.confirmed:
            return self.topic_admin.partition_counts[topic]
        try:
            return await self.topic_admin.partitions(topic)
        except _KAFKA_ERRORS as error:
            raise Unacknowledged(f"topic {topic}: {error!r}") from error

    async def _to_producer_records(self, messages: Sequence[Message]) -> list[ProducerRecord]:
        partition_counts = {topic: await self.partitions(topic) for topic in {message.topic for message in messages}}
        keyed = [(message, message.key.encode()) for message in messages]
        return [
            ProducerRecord(
                message.topic,
                partition_for(key, partition_counts[message.topic]),
                key,
                message.value,
                list(message.headers),
            )
            for message, key in keyed
        ]

    async def _run(self, send: Callable[[AIOKafkaProducer], Awaitable[T]], *, timeout_s: float) -> T:
        producer: AIOKafkaProducer | None = None
        failure: BaseException | None = None
        try:
            async with asyncio.timeout(timeout_s):
                producer = self._producer or await self._started_producer()
                result = await send(producer)
        except* _KAFKA_ERRORS as errors:
            failure = errors.exceptions[0]  # raised below: whatever is raised in here would come out as a group
        if failure is None:
            return result
        self.topic_admin.invalidate()
        await self._discard(producer)
        raise (BatchTooLarge if isinstance(failure, _TOO_LARGE) else Unacknowledged)(repr(failure)) from failure

    async def _send_singly(self, producer: AIOKafkaProducer, records: Sequence[ProducerRecord]) -> None:
        acknowledged = [
            await producer.send(
                self._prefix + record.topic,
                record.value,
                key=record.key,
                partition=record.partition,
                headers=record.headers,
            )
            for record in records
        ]
        await asyncio.gather(*acknowledged)

    async def _send_batches(self, producer: AIOKafkaProducer, batches: Sequence[RecordBatch]) -> None:
        async with asyncio.TaskGroup() as tasks:
            for of_partition in group_by_partition(batches):
                tasks.create_task(self._send_partition(producer, of_partition))

    async def _send_partition(self, producer: AIOKafkaProducer, batches: Sequence[RecordBatch]) -> int:
        """Send a partition's batches, and return the offset at which the last one begins."""
        # One batch is under way at a time: were the next one queued behind it, aiokafka would still send that when this
        # one has failed, and readers would see a gap.
        for batch in batches:
            sent = await producer.send_batch(
                SendableBatch(batch), self._prefix + batch.topic, partition=batch.partition
            )
            offset = int((await sent).offset)
        return offset

    async def _started_producer(self) -> AIOKafkaProducer:
        async with self._lock:
            if self._producer is None:
                producer = self._create_producer()
                try:
                    await producer.start()
                except BaseException:
                    await _close_producer(producer)
                    raise
                self._producer = producer
            return self._producer

    def _create_producer(self) -> AIOKafkaProducer:
        return AIOKafkaProducer(
            client_id=self._client_id,
            acks="all",
            enable_idempotence=True,
            compression_type="lz4",
            linger_ms=self._linger_ms,
            max_batch_size=MAX_BATCH_BYTES,
            max_request_size=MAX_VALUE_BYTES + MAX_BATCH_BYTES,
            request_timeout_ms=int(_REQUEST_TIMEOUT_S * 1000),
            metadata_max_age_ms=30_000,
            **self.kafka.client_options(),
        )

    async def _discard(self, failed: AIOKafkaProducer | None) -> None:
        async with self._lock:
            # Several callers fail with the same producer; the first of them replaces it.
            if failed is None or failed is not self._producer:
                return
            self._producer = None
            self.rebuilds += 1
        await _close_producer(failed)


def _reject_oversized(values: Iterable[bytes]) -> None:
    largest = max(map(len, values), default=0)
    if largest > MAX_VALUE_BYTES:
        raise MessageTooLarge(f"{largest} bytes; {MAX_VALUE_BYTES} is the most")


async def _close_producer(producer: AIOKafkaProducer) -> None:
    with contextlib.suppress(*_KAFKA_ERRORS):
        async with asyncio.timeout(_CLOSE_TIMEOUT_S):
            await producer.stop()
            return
    # stop() waits for what can no longer be delivered, and once interrupted it does nothing when called again.
    with contextlib.suppress(*_KAFKA_ERRORS, asyncio.CancelledError):
        async with asyncio.timeout(_CLOSE_TIMEOUT_S):
            await producer._sender.close()  # noqa: SLF001
    with contextlib.suppress(*_KAFKA_ERRORS):
        async with asyncio.timeout(_CLOSE_TIMEOUT_S):
            await producer.client.close()
