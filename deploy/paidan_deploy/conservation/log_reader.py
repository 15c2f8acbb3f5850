"""Reads what is in a log, from its beginning to where it ended when asked. It believes no counter."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord

Ends = Mapping[TopicPartition, int]


@dataclass(frozen=True, slots=True)
class Span:
    """A topic's log: where each partition begins and ended when it was asked."""

    begins: Ends
    ends: Ends

    @property
    def whole(self) -> bool:
        """Tell whether the log still has its first record; else only what is left of it can be counted."""
        return not any(self.begins.values())


class Logs:
    """Reads topics of one installation, without a group, so that nobody notices."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self._bootstrap = bootstrap
        self._prefix = prefix

    async def span(self, topic: str) -> Span:
        """Ask where the topic's log begins and ends now."""
        async with self._following(self._prefix + topic) as consumer:
            found = sorted(consumer.assignment())
            return Span(await consumer.beginning_offsets(found), await consumer.end_offsets(found))

    async def records(self, span: Span) -> AsyncIterator[ConsumerRecord[bytes, bytes]]:
        """Read every record of the span, each partition in its order."""
        left = {partition for partition, end in span.ends.items() if end > span.begins[partition]}
        if not left:
            return
        async with self._following(next(iter(left)).topic) as consumer:
            for partition in consumer.assignment():
                consumer.seek(partition, span.begins[partition])
            while left:
                for partition, batch in (await consumer.getmany(*left, timeout_ms=500, max_records=5000)).items():
                    for record in batch:
                        if record.offset < span.ends[partition]:
                            yield record
                left = {partition for partition in left if await consumer.position(partition) < span.ends[partition]}

    @asynccontextmanager
    async def _following(self, topic: str) -> AsyncIterator[AIOKafkaConsumer]:
        """Open a consumer of all the topic's partitions."""
        consumer = AIOKafkaConsumer(topic, bootstrap_servers=self._bootstrap, group_id=None, enable_auto_commit=False)
        await consumer.start()
        try:
            yield consumer
        finally:
            await consumer.stop()
