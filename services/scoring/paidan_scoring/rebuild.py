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
from paidan_chassis.garbage import look_seldom
from paidan_chassis.kafka.cluster import Kafka
from paidan_chassis.observability import logs
from paidan_contracts.topics import CASES
from paidan_scoring.app import CONSUMER, SCHEMA, kafka_of, subscription
from paidan_scoring.city_packs import Packs
from paidan_scoring.handlers import Fold
from paidan_scoring.settings import Settings

_LOOKS_EVERY_S: Final = 0.2
_WAITS_FOR_READERS_S: Final = 30.0

# The lanes' rows first: whoever folds holds them, and no batch may find half of its tallies gone.
_LOCK: Final = "SELECT partition FROM lane WHERE consumer = $1 AND topic = $2 ORDER BY partition FOR UPDATE"
_EMPTY: Final = "TRUNCATE fact, tally, mark, rebuild"
_BACK: Final = """
    UPDATE lane
       SET next_offset = log.begin
      FROM unnest($3::integer[], $4::bigint[]) AS log (partition, begin)
     WHERE lane.consumer = $1
       AND lane.topic = $2
       AND lane.partition = log.partition
"""
_UNTIL: Final = "INSERT INTO rebuild (partition, until) SELECT * FROM unnest($1::integer[], $2::bigint[])"
_LEFT: Final = """
    SELECT COALESCE(sum(GREATEST(rebuild.until - COALESCE(lane.next_offset, 0), 0)), 0)::bigint
      FROM rebuild
      LEFT JOIN lane ON lane.consumer = $1 AND lane.topic = $2 AND lane.partition = rebuild.partition
"""


async def reset(conn: Connection, log: Mapping[int, tuple[int, int]]) -> None:
    """Empty facts and tallies and put every lane back to where the log begins; ``log``: begin and end by partition.

    One transaction. What is published stays as it is, and is brought up to date once the log has been read.
    Raises LockNotAvailableError when somebody has been reading for half a minute on end.
    """
    patience = time.monotonic() + _WAITS_FOR_READERS_S
    while True:
        try:
            return await _reset(conn, log)
        except asyncpg.LockNotAvailableError:
            if time.monotonic() > patience:
                raise
            await asyncio.sleep(_LOOKS_EVERY_S)


async def _reset(conn: Connection, log: Mapping[int, tuple[int, int]]) -> None:
    partitions = sorted(log)
    async with conn.transaction():
        # While tables wait for readers, lanes wait for us: a running service would take us for a frozen owner.
        await conn.execute("SET LOCAL lock_timeout = '1s'")
        await conn.fetch(_LOCK, CONSUMER, CASES.name)
        await conn.execute(_EMPTY)
        await conn.execute(_BACK, CONSUMER, CASES.name, partitions, [log[each][0] for each in partitions])
        await conn.execute(_UNTIL, partitions, [log[each][1] for each in partitions])


async def left(conn: Connection) -> int:
    """Count the records that are still to be read."""
    return int(await conn.fetchval(_LEFT, CONSUMER, CASES.name))


async def log_now(kafka: Kafka) -> dict[int, tuple[int, int]]:
    """Ask where each partition of the log begins and ends."""
    consumer = AIOKafkaConsumer(kafka.real(CASES.name), enable_auto_commit=False, **kafka.client_options())
    await consumer.start()
    try:
        found = sorted(consumer.assignment())  # without a group that is every partition
        begins, ends = await consumer.beginning_offsets(found), await consumer.end_offsets(found)
    finally:
        await consumer.stop()
    return {each.partition: (begins[each], ends[each]) for each in found}


async def rebuild(settings: Settings) -> None:
    """Make everything anew, and return when the log has been read to where it ended at the start."""
    kafka = kafka_of(settings)
    async with AsyncExitStack() as opened:
        pool = await opened.enter_async_context(open_pool(settings.database, schema=SCHEMA, size=settings.pool_size))
        log = await log_now(kafka)
        async with pool.acquire() as conn:
            await reset(conn, log)
        lanes = await opened.enter_async_context(
            LaneConsumer(subscription(settings), Fold(Packs(pool)), kafka=kafka, pool=pool)
        )
        look_seldom()
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as owner:
            owner.create_task(lanes.run(stop))
            await _until_read(pool, sum(end - begin for begin, end in log.values()))
            stop.set()
        async with pool.acquire() as conn:
            await conn.execute("DELETE FROM rebuild")


async def _until_read(pool: Pool, records: int) -> None:
    while True:
        async with pool.acquire() as conn:
            waiting = await left(conn)
        sys.stderr.write(f"\r{records - waiting:,} of {records:,} records read")
        if not waiting:
            sys.stderr.write("\n")
            return
        await asyncio.sleep(_LOOKS_EVERY_S)


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
