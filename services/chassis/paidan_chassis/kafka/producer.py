"""A supervised idempotent producer, and the partition that a key belongs to."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from types import TracebackType
from typing import Final, NamedTuple, Self, TypeVar

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2

from paidan_chassis.errors import Unacknowledged
from paidan_chassis.kafka.aiokafka_patches import use_fast_lz4
from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_chassis.kafka.errors import MessageTooLarge
from paidan_chassis.kafka.message import Message
from paidan_chassis.kafka.topic_admin import TopicAdmin

T = TypeVar("T")

MAX_VALUE_BYTES: Final = 1_000_000
"""Bytes. Leaves room for headers below the broker's own limit of 1 MiB for a message that lz4 cannot shrink."""
_MAX_BATCH_BYTES: Final = 512 * 1024
_REQUEST_TIMEOUT_S: Final = 10.0
_IN_ORDER_TIMEOUT_S: Final = 20.0
_CLOSE_TIMEOUT_S: Final = 1.0
_MIN_BATCH_RECORDS: Final = 16
_KAFKA_ERRORS: Final = (KafkaError, OSError, TimeoutError)


class ProducerRecord(NamedTuple):
    """A message addressed to a partition."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


_topic_partition = itemgetter(0, 1)
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
        self._kafka = kafka
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
        await self._deliver(await self._to_producer_records(messages), timeout_s=timeout_s)

    async def send_in_order(self, records: Sequence[ProducerRecord]) -> None:
        """Publish in order: a partition's next batch is sent only when the one before it is acknowledged.

        Raises ``Unacknowledged``; the next call uses a new producer: call again with the same records.
        """
        await self._deliver(records, timeout_s=_IN_ORDER_TIMEOUT_S, in_batches=True)

    async def append(self, record: ProducerRecord) -> int:
        """Publish one record, and return its offset. Raises ``Unacknowledged``."""
        return await self._run(lambda producer: self._send_partition(producer, [record]), timeout_s=_IN_ORDER_TIMEOUT_S)

    async def partitions(self, topic: str) -> int:
        """Return a topic's number of partitions, creating the topic if needed; may raise ``Unacknowledged``."""
        count = self.topic_admin.partition_counts.get(topic)
        if count is not None:
            return count
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

    async def _deliver(self, records: Sequence[ProducerRecord], *, timeout_s: float, in_batches: bool = False) -> None:
        is_batch = in_batches or len(records) >= _MIN_BATCH_RECORDS
        send = self._send_per_partition if is_batch else self._send_singly
        await self._run(lambda producer: send(producer, records), timeout_s=timeout_s)

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
        raise Unacknowledged(repr(failure)) from failure

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

    async def _send_per_partition(self, producer: AIOKafkaProducer, records: Sequence[ProducerRecord]) -> None:
        partitions = [
            list(group) for _, group in groupby(sorted(records, key=_topic_partition), key=_topic_partition)
        ]  # sorting is stable
        if len(partitions) == 1:
            await self._send_partition(producer, partitions[0])
            return
        async with asyncio.TaskGroup() as tasks:
            for partition_records in partitions:
                tasks.create_task(self._send_partition(producer, partition_records))

    async def _send_partition(self, producer: AIOKafkaProducer, records: Sequence[ProducerRecord]) -> int:
        """Send records in batches, and return the offset at which the last batch begins."""
        # create_batch costs a quarter of send(). One batch is under way at a time: were the next one queued behind it,
        # aiokafka would still send that when this one has failed, and readers would see a gap.
        topic, partition = self._prefix + records[0].topic, records[0].partition
        batch = producer.create_batch()
        for record in records:
            fits = batch.append(key=record.key, value=record.value, timestamp=None, headers=record.headers)
            if fits is None:
                await (await producer.send_batch(batch, topic, partition=partition))
                batch = producer.create_batch()
                batch.append(key=record.key, value=record.value, timestamp=None, headers=record.headers)
        batch.close()
        return int((await (await producer.send_batch(batch, topic, partition=partition))).offset)

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
            max_batch_size=_MAX_BATCH_BYTES,
            max_request_size=MAX_VALUE_BYTES + _MAX_BATCH_BYTES,
            request_timeout_ms=int(_REQUEST_TIMEOUT_S * 1000),
            metadata_max_age_ms=30_000,
            **self._kafka.client_options(),
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
