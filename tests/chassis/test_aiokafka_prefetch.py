"""Fetching: while fetched records wait to be polled, a consumer does not fetch other partitions alone."""

from aiokafka import AIOKafkaConsumer

from paidan_chassis.kafka.aiokafka_patches import PREFETCH_BACKOFF_S, disable_prefetch_backoff
from tests.servers import ServerAddresses


async def test_consumer_returns_buffered_records_before_fetching(servers: ServerAddresses, topic_prefix: str) -> None:
    """aiokafka has no setting for it, so a new release could bring the delays of 0.5 s back unnoticed."""
    disable_prefetch_backoff()
    consumer = AIOKafkaConsumer(bootstrap_servers=servers.kafka, group_id=topic_prefix)
    try:
        await consumer.start()
        assert consumer._fetcher._prefetch_backoff == PREFETCH_BACKOFF_S  # noqa: SLF001 - it shows nowhere else
    finally:
        await consumer.stop()
