"""Rebuilds the read model from the log. A service that runs meanwhile finds its positions moved and joins in."""

import asyncio
import sys
from contextlib import AsyncExitStack
from typing import Final

import uvloop
from aiokafka import AIOKafkaConsumer

from paidan_chassis.consumer.batch import Lane
from paidan_chassis.consumer.consumer import LaneConsumer
from paidan_chassis.database import Pool, open_pool
from paidan_chassis.errors import EXIT_BUG, ChassisError
from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_chassis.observability import logs
from paidan_chassis.service_runner import freeze_gc
from paidan_cockpit import rebuild_queries
from paidan_cockpit.app import create_kafka, create_subscription
from paidan_cockpit.handlers import ReadModel
from paidan_cockpit.settings import SCHEMA, Settings
from paidan_cockpit.word_index import WordIndex

_POLL_INTERVAL_S: Final = 0.2


async def fetch_log_bounds(kafka: KafkaCluster, topics: tuple[str, ...]) -> dict[Lane, tuple[int, int]]:
    """Return where each partition of the logs begins and ends."""
    names = {kafka.prefixed(each): each for each in topics}
    consumer = AIOKafkaConsumer(*names, enable_auto_commit=False, **kafka.client_options())
    try:
        await consumer.start()
        partitions = sorted(consumer.assignment())  # without a group that is every partition
        begins, ends = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
    finally:
        await consumer.stop()
    return {Lane(names[each.topic], each.partition): (begins[each], ends[each]) for each in partitions}


async def rebuild(settings: Settings) -> None:
    """Rebuild the read model; return when the log has been read to where it ended at the start, and all is indexed."""
    kafka = create_kafka(settings)
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(open_pool(settings.database, schema=SCHEMA, size=settings.pool_size))
        subscription = create_subscription(settings)
        log_bounds = await fetch_log_bounds(kafka, subscription.topics)
        async with pool.acquire() as conn:
            await rebuild_queries.reset(conn, log_bounds)
        consumer = await stack.enter_async_context(LaneConsumer(subscription, ReadModel(), kafka=kafka, pool=pool))
        freeze_gc()
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as task_group:
            task_group.create_task(consumer.run(stop))
            await _wait_until_read(pool, sum(end - begin for begin, end in log_bounds.values()))
            stop.set()
        words = WordIndex(pool)
        while await words.fill():
            pass
        async with pool.acquire() as conn:
            await rebuild_queries.create_indexes(conn)
            await rebuild_queries.delete_targets(conn)


async def _wait_until_read(pool: Pool, records: int) -> None:
    while True:
        async with pool.acquire() as conn:
            remaining = await rebuild_queries.count_remaining(conn)
        sys.stderr.write(f"\r{records - remaining:,} of {records:,} records read")
        if not remaining:
            sys.stderr.write("\n")
            return
        await asyncio.sleep(_POLL_INTERVAL_S)


def main() -> None:
    """Run a rebuild from the command line."""
    try:
        settings = Settings.load()
        logs.configure("cockpit", settings.log_level)
        uvloop.run(rebuild(settings))
    except ChassisError as error:
        sys.stderr.write(f"cockpit: {error}\n")
        sys.exit(error.exit_code)
    except ExceptionGroup as group:
        known, unknown = group.split(ChassisError)
        if known is None or unknown is not None:
            raise
        sys.stderr.write(f"cockpit: {known.exceptions[0]}\n")
        sys.exit(getattr(known.exceptions[0], "exit_code", EXIT_BUG))
