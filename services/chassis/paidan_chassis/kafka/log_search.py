"""Searches a partition for a record by its content: whether a send whose outcome is unknown has stored it."""

import asyncio
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from paidan_chassis.errors import Unacknowledged
from paidan_chassis.kafka.aiokafka_patches import accept_non_utf8_header_names
from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_chassis.kafka.record_batch import ProducerRecord

_TIMEOUT_S: Final = 20.0
_POLL_MS: Final = 200


async def find_record(kafka: KafkaCluster, record: ProducerRecord, *, from_offset: int) -> int | None:
    """Return the offset of the first record of the same key, value and headers from an offset on, None without one.

    Raises ``Unacknowledged`` when the partition cannot be read to its present end in time.
    """
    accept_non_utf8_header_names()
    consumer = AIOKafkaConsumer(enable_auto_commit=False, **kafka.client_options())
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            try:
                await consumer.start()
                return await _search(consumer, kafka.prefixed(record.topic), record, from_offset)
            finally:
                await consumer.stop()
    except (KafkaError, OSError, TimeoutError) as error:
        raise Unacknowledged(f"{record.topic}-{record.partition} cannot be read: {error!r}") from error


async def _search(consumer: AIOKafkaConsumer, topic: str, record: ProducerRecord, from_offset: int) -> int | None:
    partition = TopicPartition(topic, record.partition)
    consumer.assign([partition])
    start = (await consumer.beginning_offsets([partition]))[partition]
    end = (await consumer.end_offsets([partition]))[partition]
    consumer.seek(partition, max(from_offset, start))
    content = (record.key, record.value, tuple(record.headers))
    while await consumer.position(partition) < end:
        for each in (await consumer.getmany(partition, timeout_ms=_POLL_MS)).get(partition, ()):
            if (each.key, each.value, tuple(each.headers)) == content:
                return int(each.offset)
    return None
