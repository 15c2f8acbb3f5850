"""Rebuilds tables that a consumer has computed from the log.

A service that runs meanwhile finds its positions moved and joins in.
"""

import asyncio
import sys
from collections.abc import Sequence
from typing import Final

from aiokafka import AIOKafkaConsumer

from paidan_chassis.consumer import rebuild_queries
from paidan_chassis.consumer.batch import Handler, Lane
from paidan_chassis.consumer.config import Subscription
from paidan_chassis.consumer.consumer import LaneConsumer
from paidan_chassis.consumer.rebuild_queries import ComputedTables, LogRange
from paidan_chassis.database import Pool
from paidan_chassis.garbage_collection import freeze_gc
from paidan_chassis.kafka.cluster import KafkaCluster

_POLL_INTERVAL_S: Final = 0.2


async def fetch_log_ranges(kafka: KafkaCluster, topics: Sequence[str]) -> dict[Lane, LogRange]:
    """Return where each partition of the topics begins and ends."""
    names = {kafka.prefixed(each): each for each in topics}
    consumer = AIOKafkaConsumer(*names, enable_auto_commit=False, **kafka.client_options())
    try:
        await consumer.start()
        partitions = sorted(consumer.assignment())  # without a group that is every partition
        begins, ends = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
    finally:
        await consumer.stop()
    return {Lane(names[each.topic], each.partition): LogRange(begins[each], ends[each]) for each in partitions}


async def rebuild(
    subscription: Subscription, handler: Handler, *, kafka: KafkaCluster, pool: Pool, tables: ComputedTables
) -> None:
    """Empty the tables and apply the log to them again; return when it is read to where it ended at the start.

    A rebuild that was interrupted is begun again from the start.
    """
    ranges = await fetch_log_ranges(kafka, subscription.topics)
    async with pool.acquire() as conn:
        await rebuild_queries.reset(conn, subscription.name, tables, ranges)
    async with LaneConsumer(subscription, handler, kafka=kafka, pool=pool) as consumer:
        freeze_gc()
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as task_group:
            task_group.create_task(consumer.run(stop))
            await _wait_until_read(pool, subscription.name, sum(each.end - each.begin for each in ranges.values()))
            stop.set()
    await tables.build_indexes(pool)
    async with pool.acquire() as conn:
        await rebuild_queries.delete_targets(conn)


async def _wait_until_read(pool: Pool, consumer: str, records: int) -> None:
    while True:
        async with pool.acquire() as conn:
            remaining = await rebuild_queries.count_remaining(conn, consumer)
        sys.stderr.write(f"\r{records - remaining:,} of {records:,} records read")
        if not remaining:
            sys.stderr.write("\n")
            return
        await asyncio.sleep(_POLL_INTERVAL_S)
