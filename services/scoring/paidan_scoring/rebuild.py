"""Makes facts and tallies anew from the log. A service that runs meanwhile finds its positions moved and joins in."""

import asyncio
import sys
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Final

import asyncpg
import uvloop
from aiokafka import AIOKafkaConsumer

from paidan_chassis.consumer.consumer import LaneConsumer
from paidan_chassis.database import Connection, Pool, open_pool
from paidan_chassis.errors import EXIT_BUG, ChassisError
from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_chassis.observability import logs
from paidan_chassis.service_runner import freeze_gc
from paidan_contracts.topics import CASES
from paidan_scoring.app import CONSUMER, SCHEMA, create_kafka, subscription
from paidan_scoring.city_packs import PackCache
from paidan_scoring.handlers import Fold
from paidan_scoring.settings import Settings

_POLL_INTERVAL_S: Final = 0.2
_LOCK_WAIT_S: Final = 30.0

# The lanes' rows first: whoever folds holds them, and no batch may find half of its tallies gone.
_LOCK_LANES: Final = "SELECT partition FROM lane WHERE consumer = $1 AND topic = $2 ORDER BY partition FOR UPDATE"
_TRUNCATE_TABLES: Final = "TRUNCATE fact, tally, mark, rebuild"
_REWIND_LANES: Final = """
    UPDATE lane
       SET next_offset = log.begin
      FROM unnest($3::integer[], $4::bigint[]) AS log (partition, begin)
     WHERE lane.consumer = $1
       AND lane.topic = $2
       AND lane.partition = log.partition
"""
_INSERT_TARGETS: Final = "INSERT INTO rebuild (partition, until) SELECT * FROM unnest($1::integer[], $2::bigint[])"
_SELECT_REMAINING: Final = """
    SELECT COALESCE(sum(GREATEST(rebuild.until - COALESCE(lane.next_offset, 0), 0)), 0)::bigint
      FROM rebuild
      LEFT JOIN lane ON lane.consumer = $1 AND lane.topic = $2 AND lane.partition = rebuild.partition
"""


async def reset(conn: Connection, log_bounds: Mapping[int, tuple[int, int]]) -> None:
    """Empty facts and tallies and put every lane back to where the log begins; ``log``: begin and end by partition.

    One transaction. What is published stays as it is, and is brought up to date once the log has been read.
    Raises LockNotAvailableError when somebody has been reading for half a minute on end.
    """
    deadline = time.monotonic() + _LOCK_WAIT_S
    while True:
        try:
            return await _reset(conn, log_bounds)
        except asyncpg.LockNotAvailableError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(_POLL_INTERVAL_S)


async def _reset(conn: Connection, log_bounds: Mapping[int, tuple[int, int]]) -> None:
    partitions = sorted(log_bounds)
    async with conn.transaction():
        # While tables wait for readers, lanes wait for us: a running service would take us for a frozen owner.
        await conn.execute("SET LOCAL lock_timeout = '1s'")
        await conn.fetch(_LOCK_LANES, CONSUMER, CASES.name)
        await conn.execute(_TRUNCATE_TABLES)
        await conn.execute(
            _REWIND_LANES, CONSUMER, CASES.name, partitions, [log_bounds[each][0] for each in partitions]
        )
        await conn.execute(_INSERT_TARGETS, partitions, [log_bounds[each][1] for each in partitions])


async def count_remaining(conn: Connection) -> int:
    """Count the records that are still to be read."""
    return int(await conn.fetchval(_SELECT_REMAINING, CONSUMER, CASES.name))


async def fetch_log_bounds(kafka: KafkaCluster) -> dict[int, tuple[int, int]]:
    """Ask where each partition of the log begins and ends."""
    consumer = AIOKafkaConsumer(kafka.prefixed(CASES.name), enable_auto_commit=False, **kafka.client_options())
    await consumer.start()
    try:
        partitions = sorted(consumer.assignment())  # without a group that is every partition
        begins, ends = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
    finally:
        await consumer.stop()
    return {each.partition: (begins[each], ends[each]) for each in partitions}


async def rebuild(settings: Settings) -> None:
    """Make everything anew, and return when the log has been read to where it ended at the start."""
    kafka = create_kafka(settings)
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(open_pool(settings.database, schema=SCHEMA, size=settings.pool_size))
        log_bounds = await fetch_log_bounds(kafka)
        async with pool.acquire() as conn:
            await reset(conn, log_bounds)
        consumer = await stack.enter_async_context(
            LaneConsumer(subscription(settings), Fold(PackCache(pool)), kafka=kafka, pool=pool)
        )
        freeze_gc()
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as task_group:
            task_group.create_task(consumer.run(stop))
            await _wait_until_read(pool, sum(end - begin for begin, end in log_bounds.values()))
            stop.set()
        async with pool.acquire() as conn:
            await conn.execute("DELETE FROM rebuild")


async def _wait_until_read(pool: Pool, records: int) -> None:
    while True:
        async with pool.acquire() as conn:
            remaining = await count_remaining(conn)
        sys.stderr.write(f"\r{records - remaining:,} of {records:,} records read")
        if not remaining:
            sys.stderr.write("\n")
            return
        await asyncio.sleep(_POLL_INTERVAL_S)


def main() -> None:
    """Run a rebuild from the command line."""
    try:
        settings = Settings.load()
        logs.configure("scoring", settings.log_level)
        uvloop.run(rebuild(settings))
    except ChassisError as error:
        sys.stderr.write(f"scoring: {error}\n")
        sys.exit(error.exit_code)
    except ExceptionGroup as group:
        known, unknown = group.split(ChassisError)
        if known is None or unknown is not None:
            raise
        sys.stderr.write(f"scoring: {known.exceptions[0]}\n")
        sys.exit(getattr(known.exceptions[0], "exit_code", EXIT_BUG))
