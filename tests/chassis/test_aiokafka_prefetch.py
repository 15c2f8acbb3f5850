"""Fetching: what waits to be taken keeps a consumer from fetching other partitions alone."""

from aiokafka import AIOKafkaConsumer

from paidan_chassis.kafka.prefetching import WAITS_S, take_before_fetching
from tests.servers import Servers


async def test_a_consumer_takes_what_it_has_before_it_fetches_more(servers: Servers, topic_prefix: str) -> None:
    """aiokafka has no setting for it: a new release of it must not bring the half seconds back unseen."""
    take_before_fetching()
    consumer = AIOKafkaConsumer(bootstrap_servers=servers.kafka, group_id=topic_prefix)
    await consumer.start()
    try:
        assert consumer._fetcher._prefetch_backoff == WAITS_S  # noqa: SLF001 - it shows nowhere else
    finally:
        await consumer.stop()
