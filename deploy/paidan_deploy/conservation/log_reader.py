"""Reads a topic's records from the beginning to where the log ended when asked."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord

from paidan_chassis.kafka.cluster import KafkaCluster

OffsetsByPartition = Mapping[TopicPartition, int]


@dataclass(frozen=True, slots=True)
class LogSpan:
    """Begin and end offsets of a topic's partitions at one moment."""

    begins: OffsetsByPartition
    ends: OffsetsByPartition

    @property
    def is_complete(self) -> bool:
        """Whether the log still has its first records; retention may have removed them."""
        return not any(self.begins.values())


class LogReader:
    """Reads topics of one installation without a consumer group, leaving no trace."""

    def __init__(self, kafka: KafkaCluster) -> None:
        self._kafka = kafka

    async def topics(self, prefix: str) -> list[str]:
        """Return the names of all topics of this installation that begin so."""
        consumer = AIOKafkaConsumer(group_id=None, enable_auto_commit=False, **self._kafka.client_options())
        try:
            await consumer.start()
            names = sorted(await consumer.topics())
        finally:
            await consumer.stop()
        return [self._kafka.unprefixed(name) for name in names if name.startswith(self._kafka.prefixed(prefix))]

    def unprefixed(self, topic: str) -> str:
        """Return a topic's name within the installation."""
        return self._kafka.unprefixed(topic)

    async def current_span(self, topic: str) -> LogSpan:
        """Return where the topic's log begins and ends now."""
        async with self._open_consumer(self._kafka.prefixed(topic)) as consumer:
            partitions = sorted(consumer.assignment())
            return LogSpan(await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions))

    async def records(self, span: LogSpan) -> AsyncIterator[ConsumerRecord[bytes, bytes]]:
        """Yield every record of the span, each partition in order."""
        unfinished = {partition for partition, end in span.ends.items() if end > span.begins[partition]}
        if not unfinished:
            return
        async with self._open_consumer(next(iter(unfinished)).topic) as consumer:
            for partition in consumer.assignment():
                consumer.seek(partition, span.begins[partition])
            while unfinished:
                for partition, batch in (await consumer.getmany(*unfinished, timeout_ms=500, max_records=5000)).items():
                    for record in batch:
                        if record.offset < span.ends[partition]:
                            yield record
                unfinished = {
                    partition for partition in unfinished if await consumer.position(partition) < span.ends[partition]
                }

    @asynccontextmanager
    async def _open_consumer(self, topic: str) -> AsyncIterator[AIOKafkaConsumer]:
        """Open a consumer of all the topic's partitions."""
        consumer = AIOKafkaConsumer(topic, group_id=None, enable_auto_commit=False, **self._kafka.client_options())
        try:
            await consumer.start()
            yield consumer
        finally:
            await consumer.stop()
