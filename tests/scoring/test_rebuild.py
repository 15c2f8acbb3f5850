"""A rebuild locks tables that readers and lanes use."""

import asyncio
from typing import Any, Final

import asyncpg

from paidan_contracts.topics import CASES
from paidan_scoring.rebuild_queries import reset
from paidan_scoring.settings import CONSUMER
from tests.polling import poll

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


async def test_lanes_progress_while_a_rebuild_waits_for_a_reader(pool: "asyncpg.Pool[Any]") -> None:
    """A lane that waits for two seconds takes whoever holds its row for frozen, and ends its session."""
    await pool.execute(INSERT_LANE, CONSUMER, CASES.name)
    async with pool.acquire() as reader, pool.acquire() as rebuilder, pool.acquire() as lane:
        reading = reader.transaction()
        await reading.start()
        await reader.fetchval("SELECT count(*) FROM fact")
        resetting = asyncio.create_task(reset(rebuilder, {0: (0, 0)}))
        for _ in range(2):
            await poll(lambda: pool.fetchval(COUNT_TABLE_WAITERS), what="a rebuild that waits for the reader")
            async with lane.transaction():
                await lane.execute("SET LOCAL lock_timeout = '1900ms'")
                assert await lane.fetchval("SELECT next_offset FROM lane FOR UPDATE") == 7
        await reading.rollback()
        await resetting

    assert await pool.fetchval("SELECT next_offset FROM lane") == 0
