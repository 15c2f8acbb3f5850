"""A rebuild locks tables that readers and lanes use."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from datetime import date
from typing import Any, Final

import asyncpg
import pytest

from paidan_chassis.consumer import positions
from paidan_chassis.consumer.batch import Lane
from paidan_chassis.consumer.errors import LanesMoved
from paidan_chassis.consumer.positions import LaneAdvance, LanePosition
from paidan_chassis.consumer.rebuild_queries import LogRange, reset
from paidan_chassis.database import Connection
from paidan_contracts.topics import CASES
from paidan_scoring.facts import FactRow
from paidan_scoring.queries import fold, fold_writes
from paidan_scoring.rebuild import TABLES
from paidan_scoring.settings import CONSUMER
from tests.polling import poll

LANE: Final = Lane(CASES.name, 0)
ROW: Final = FactRow("tiny-1", 1, 1, 0, "tiny", date(2026, 3, 1), "a", "d1", "s1", "E0101", "hotline", 1)
INSERT_LANE: Final = """
    INSERT INTO lane (consumer, topic, partition, next_offset, cluster_id, topic_id)
    VALUES ($1, $2, 0, 7, '', '')
"""
COUNT_TABLE_WAITERS: Final = """
    SELECT count(*)
      FROM pg_locks
     WHERE locktype = 'relation'
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND mode = 'AccessExclusiveLock'
       AND NOT granted
"""
COUNT_WAITERS: Final = """
    SELECT count(DISTINCT pid)
      FROM pg_locks
      JOIN pg_stat_activity USING (pid)
     WHERE NOT granted
       AND datname = current_database()
"""


@pytest.fixture(autouse=True)
async def stored_lane(pool: "asyncpg.Pool[Any]") -> AsyncIterator[None]:
    await pool.execute("TRUNCATE lane")
    await pool.execute(INSERT_LANE, CONSUMER, CASES.name)
    yield
    await pool.execute("TRUNCATE lane")


def reset_to_start(conn: Connection) -> Awaitable[None]:
    return reset(conn, CONSUMER, TABLES, {LANE: LogRange(0, 0)})


async def test_lanes_progress_while_a_rebuild_waits_for_a_reader(pool: "asyncpg.Pool[Any]") -> None:
    """A lane that waits for two seconds takes whoever holds its row for frozen, and ends its session."""
    async with pool.acquire() as reader, pool.acquire() as rebuilder, pool.acquire() as lane:
        reading = reader.transaction()
        await reading.start()
        await reader.fetchval("SELECT count(*) FROM fact")
        resetting = asyncio.ensure_future(reset_to_start(rebuilder))
        for _ in range(2):
            await poll(lambda: pool.fetchval(COUNT_TABLE_WAITERS), what="a rebuild that waits for the reader")
            async with lane.transaction():
                await lane.execute("SET LOCAL lock_timeout = '1900ms'")
                assert await lane.fetchval("SELECT next_offset FROM lane FOR UPDATE") == 7
        await reading.rollback()
        await resetting

    assert await pool.fetchval("SELECT next_offset FROM lane") == 0


async def test_a_small_batch_and_a_rebuild_never_deadlock(pool: "asyncpg.Pool[Any]") -> None:
    """A small batch is one statement, which locks its tables before it waits for the lane's row."""
    advance = LaneAdvance(LANE, LanePosition(7, 0), 8, 0, None)
    async with pool.acquire() as holder, pool.acquire() as rebuilder, pool.acquire() as lane:
        await lane.execute("SET deadlock_timeout = '50ms'")
        holding = holder.transaction()
        await holding.start()
        await positions.lock_lanes(holder, CONSUMER, [LANE])
        resetting = asyncio.ensure_future(reset_to_start(rebuilder))
        await poll(lambda: _waiters(pool, 1), what="a rebuild that waits for the lane")
        applying = asyncio.ensure_future(positions.write_if_unmoved(lane, CONSUMER, [advance], [], fold_writes([ROW])))
        await poll(lambda: _waiters(pool, 2), what="a batch that waits, too")

        await holding.rollback()
        with pytest.raises(LanesMoved):
            await applying
        await resetting

    assert await pool.fetchval("SELECT next_offset FROM lane") == 0
    assert await pool.fetchval("SELECT count(*) FROM fact") == 0


async def test_a_large_batch_and_a_rebuild_never_deadlock(pool: "asyncpg.Pool[Any]") -> None:
    """A large batch locks the lane's row first, then its tables."""
    async with pool.acquire() as rebuilder, pool.acquire() as lane:
        await lane.execute("SET deadlock_timeout = '50ms'")
        async with lane.transaction():
            await positions.lock_lanes(lane, CONSUMER, [LANE])
            resetting = asyncio.ensure_future(reset_to_start(rebuilder))
            await poll(lambda: _waiters(pool, 1), what="a rebuild that waits for the lane")
            assert await fold(lane, [ROW]) == 1
        await resetting

    assert await pool.fetchval("SELECT next_offset FROM lane") == 0
    assert await pool.fetchval("SELECT count(*) FROM fact") == 0


async def _waiters(pool: "asyncpg.Pool[Any]", number: int) -> bool:
    return int(await pool.fetchval(COUNT_WAITERS)) >= number
