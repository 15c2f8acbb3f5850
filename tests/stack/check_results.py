"""Reads what was appended to ``paidan.checks``."""

from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_contracts.topics import CHECKS


async def read_results(cluster: KafkaCluster) -> list[Any]:
    """Return every record of the topic."""
    consumer = AIOKafkaConsumer(auto_offset_reset="earliest", **cluster.client_options())
    partition = TopicPartition(cluster.prefixed(CHECKS.name), 0)
    records: list[Any] = []
    try:
        await consumer.start()
        consumer.assign([partition])
        (end,) = (await consumer.end_offsets([partition])).values()
        while await consumer.position(partition) < end:
            for polled in (await consumer.getmany(timeout_ms=200)).values():
                records += polled
    finally:
        await consumer.stop()
    return records
