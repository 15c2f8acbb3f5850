"""Reads the topics that intake writes."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from paidan_contracts.topics import TOPICS


@dataclass(slots=True)
class TopicReader:
    """A topic, and its records read so far."""

    consumer: AIOKafkaConsumer
    parts: list[TopicPartition]
    records: list[Any] = field(default_factory=list)

    @classmethod
    async def open(cls, kafka: str, topic: str) -> "TopicReader":
        [topic_definition] = [each for each in TOPICS if topic.endswith(each.name)]
        parts = [TopicPartition(topic, number) for number in range(topic_definition.partitions)]
        consumer = AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False, auto_offset_reset="earliest")
        await consumer.start()
        consumer.assign(parts)
        return cls(consumer, parts)

    async def read_to_end(self) -> list[Any]:
        """Return every record up to the topic's present end."""
        ends = await self.consumer.end_offsets(self.parts)
        async with asyncio.timeout(20):
            while any([await self.consumer.position(part) < ends[part] for part in self.parts]):
                for found in (await self.consumer.getmany(timeout_ms=100)).values():
                    self.records += found
        return self.records
