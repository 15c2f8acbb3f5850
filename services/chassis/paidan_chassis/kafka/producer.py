"""A supervised idempotent producer. It knows nothing of lanes: who needs an order says so by the call it makes."""

import asyncio
import contextlib
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from types import TracebackType
from typing import Final, NamedTuple, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from paidan_chassis.consumer.errors import TooLarge, Unacknowledged
from paidan_chassis.consumer.records import Message
from paidan_chassis.kafka.cluster import Kafka
from paidan_chassis.kafka.compressing import compress_quickly
from paidan_chassis.kafka.partitioner import partition_for
from paidan_chassis.kafka.topic_admin import Topology

LARGEST_VALUE: Final = 1_000_000
"""Bytes. Leaves room for headers below the broker's own limit of 1 MiB for a message that lz4 cannot shrink."""
_BATCH_BYTES: Final = 512 * 1024
_REQUEST_S: Final = 10.0
_CARRIED_WITHIN_S: Final = 20.0
_CLOSED_WITHIN_S: Final = 1.0
_WORTH_BATCHING: Final = 16
_FAULTS: Final = (KafkaError, OSError, TimeoutError)


class Parcel(NamedTuple):
    """A message addressed to a partition, ready for the wire."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


_address = itemgetter(0, 1)


class Publisher:
    """One ``acks=all`` idempotent lz4 producer that is replaced by a new one whenever it fails.

    aiokafka's idempotent producer stays dead after some errors of the broker, so none of them is waited out here:
    the producer is thrown away, and whoever called sends again.
    """

    def __init__(self, kafka: Kafka, *, client_id: str, linger_ms: int = 0) -> None:
        compress_quickly()
        self.topology = Topology(kafka, client_id=client_id)
        self.rebuilds = 0
        """Producers that had to be replaced."""
        self._kafka = kafka
        self._client_id = client_id
        self._linger_ms = linger_ms
        self._producer: AIOKafkaProducer | None = None
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await _close(producer)
        await self.topology.__aexit__(kind, error, trace)

    async def send(self, messages: Sequence[Message], *, within_s: float = 10.0) -> None:
        """Publish messages, each to its key's partition; returns when Kafka has acknowledged all of them.

        Raises ``Unacknowledged`` when it has not in time; they may be stored all the same. Calls running at the same
        time share batches; their order among each other is not kept. Missing topics are created.
        """
        _refuse_large(message.value for message in messages)
        await self._deliver(await self._addressed(messages), within_s=within_s)

    async def carry(self, parcels: Sequence[Parcel]) -> None:
        """Publish so that per partition nothing is appended before what precedes it has been acknowledged.

        Raises ``Unacknowledged``; the next call uses a new producer: call it with the same parcels.
        """
        await self._deliver(parcels, within_s=_CARRIED_WITHIN_S, batched=True)

    async def partitions(self, topic: str) -> int:
        """Count a topic's partitions, making the topic when it does not exist; may raise ``Unacknowledged``."""
        try:
            return await self.topology.partitions(topic)
        except _FAULTS as error:
            raise Unacknowledged(f"topic {topic}: {error!r}") from error

    async def partition_of(self, topic: str, key: bytes) -> int:
        """Tell the partition (murmur2, as every stock client) of a key; makes the topic when it does not exist."""
        return partition_for(key, await self.partitions(topic))

    async def _addressed(self, messages: Sequence[Message]) -> list[Parcel]:
        counts = {topic: await self.partitions(topic) for topic in {message.topic for message in messages}}
        keyed = [(message, message.key.encode()) for message in messages]
        return [
            Parcel(message.topic, partition_for(key, counts[message.topic]), key, message.value, list(message.headers))
            for message, key in keyed
        ]

    async def _deliver(self, parcels: Sequence[Parcel], *, within_s: float, batched: bool = False) -> None:
        producer: AIOKafkaProducer | None = None
        fault: BaseException | None = None
        try:
            async with asyncio.timeout(within_s):
                producer = self._producer or await self._ready()
                if batched or len(parcels) >= _WORTH_BATCHING:
                    await self._send_lines(producer, parcels)
                else:
                    await self._send_singly(producer, parcels)
        except* _FAULTS as errors:
            fault = errors.exceptions[0]  # raised below: whatever is raised in here would come out as a group
        if fault is not None:
            self.topology.doubt()
            await self._replace(producer)
            raise Unacknowledged(repr(fault)) from fault

    async def _send_singly(self, producer: AIOKafkaProducer, parcels: Sequence[Parcel]) -> None:
        acknowledged = [
            await producer.send(
                self._kafka.real(parcel.topic),
                parcel.value,
                key=parcel.key,
                partition=parcel.partition,
                headers=parcel.headers,
            )
            for parcel in parcels
        ]
        await asyncio.gather(*acknowledged)

    async def _send_lines(self, producer: AIOKafkaProducer, parcels: Sequence[Parcel]) -> None:
        lines = [list(line) for _, line in groupby(sorted(parcels, key=_address), key=_address)]  # sorting is stable
        if len(lines) == 1:
            await self._send_line(producer, lines[0])
            return
        async with asyncio.TaskGroup() as group:
            for line in lines:
                group.create_task(self._send_line(producer, line))

    async def _send_line(self, producer: AIOKafkaProducer, line: Sequence[Parcel]) -> None:
        # create_batch costs a quarter of send(). One batch is under way at a time: were the next one queued behind it,
        # aiokafka would still send that when this one has failed, and readers would see a gap.
        topic, partition = self._kafka.real(line[0].topic), line[0].partition
        batch = producer.create_batch()
        for parcel in line:
            fits = batch.append(key=parcel.key, value=parcel.value, timestamp=None, headers=parcel.headers)
            if fits is None:
                await (await producer.send_batch(batch, topic, partition=partition))
                batch = producer.create_batch()
                batch.append(key=parcel.key, value=parcel.value, timestamp=None, headers=parcel.headers)
        batch.close()
        await (await producer.send_batch(batch, topic, partition=partition))

    async def _ready(self) -> AIOKafkaProducer:
        async with self._lock:
            if self._producer is None:
                producer = self._build()
                try:
                    await producer.start()
                except BaseException:
                    await _close(producer)
                    raise
                self._producer = producer
            return self._producer

    def _build(self) -> AIOKafkaProducer:
        return AIOKafkaProducer(
            client_id=self._client_id,
            acks="all",
            enable_idempotence=True,
            compression_type="lz4",
            linger_ms=self._linger_ms,
            max_batch_size=_BATCH_BYTES,
            max_request_size=LARGEST_VALUE + _BATCH_BYTES,
            request_timeout_ms=int(_REQUEST_S * 1000),
            metadata_max_age_ms=30_000,
            **self._kafka.client_options(),
        )

    async def _replace(self, failed: AIOKafkaProducer | None) -> None:
        async with self._lock:
            # Several callers fail with the same producer; the first of them replaces it.
            if failed is None or failed is not self._producer:
                return
            self._producer = None
            self.rebuilds += 1
        await _close(failed)


def _refuse_large(values: Iterable[bytes]) -> None:
    largest = max(map(len, values), default=0)
    if largest > LARGEST_VALUE:
        raise TooLarge(f"{largest} bytes; {LARGEST_VALUE} is the most")


async def _close(producer: AIOKafkaProducer) -> None:
    with contextlib.suppress(*_FAULTS):
        async with asyncio.timeout(_CLOSED_WITHIN_S):
            await producer.stop()
            return
    # stop() waits for what can no longer be delivered, and once interrupted it does nothing when called again.
    with contextlib.suppress(*_FAULTS, asyncio.CancelledError):
        async with asyncio.timeout(_CLOSED_WITHIN_S):
            await producer._sender.close()  # noqa: SLF001
    with contextlib.suppress(*_FAULTS):
        async with asyncio.timeout(_CLOSED_WITHIN_S):
            await producer.client.close()
