"""SQL for rebuilding the read model from the log, one function each."""

import asyncio
import time
from collections.abc import Mapping
from typing import Final

import asyncpg

from paidan_chassis.consumer.batch import Lane
from paidan_chassis.database import Connection
from paidan_cockpit.settings import CONSUMER

_RETRY_INTERVAL_S: Final = 0.2
_LOCK_WAIT_S: Final = 30.0
_INDEX_TIMEOUT_S: Final = 3600.0

# The lanes' rows first: a consumer locks them while it stores, and no batch may find half of the rows gone.
_LOCK_LANES: Final = """
    SELECT topic, partition
      FROM lane
     WHERE consumer = $1
     ORDER BY topic, partition
       FOR UPDATE
"""
_TRUNCATE_TABLES: Final = """
    TRUNCATE case_row, report_row, word_queue, case_words, conservation_check, suppressed_alarm, suppressed_tally,
             rebuild
"""
_REWIND_LANES: Final = """
    UPDATE lane
       SET next_offset = log.begin
      FROM unnest($2::text[], $3::integer[], $4::bigint[]) AS log (topic, partition, begin)
     WHERE lane.consumer = $1
       AND lane.topic = log.topic
       AND lane.partition = log.partition
"""
_INSERT_TARGETS: Final = """
    INSERT INTO rebuild (topic, partition, until)
    SELECT *
      FROM unnest($1::text[], $2::integer[], $3::bigint[])
"""
_SELECT_REMAINING: Final = """
    SELECT COALESCE(sum(GREATEST(rebuild.until - COALESCE(lane.next_offset, 0), 0)), 0)::bigint
      FROM rebuild
      LEFT JOIN lane ON lane.consumer = $1 AND lane.topic = rebuild.topic AND lane.partition = rebuild.partition
"""
_SELECT_IS_REBUILDING: Final = "SELECT EXISTS (SELECT FROM rebuild)"


async def reset(conn: Connection, log_bounds: Mapping[Lane, tuple[int, int]]) -> None:
    """Empty the read model and rewind every lane, in one transaction; ``log_bounds``: begin and end by lane.

    Raises LockNotAvailableError when readers have held the tables for half a minute.
    """
    deadline = time.monotonic() + _LOCK_WAIT_S
    while True:
        try:
            return await _reset(conn, log_bounds)
        except asyncpg.LockNotAvailableError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(_RETRY_INTERVAL_S)


async def _reset(conn: Connection, log_bounds: Mapping[Lane, tuple[int, int]]) -> None:
    lanes = sorted(log_bounds)
    topics, partitions = [each.topic for each in lanes], [each.partition for each in lanes]
    async with conn.transaction():
        # While this waits for readers, lanes wait for it: a running service would take it for a frozen owner.
        await conn.execute("SET LOCAL lock_timeout = '1s'")
        await conn.fetch(_LOCK_LANES, CONSUMER)
        await conn.execute(_TRUNCATE_TABLES)
        await conn.execute("SELECT drop_read_indexes()")
        await conn.execute(_REWIND_LANES, CONSUMER, topics, partitions, [log_bounds[each][0] for each in lanes])
        await conn.execute(_INSERT_TARGETS, topics, partitions, [log_bounds[each][1] for each in lanes])


async def count_remaining(conn: Connection) -> int:
    """Return how many records are still to be read."""
    return int(await conn.fetchval(_SELECT_REMAINING, CONSUMER))


async def is_rebuilding(conn: Connection) -> bool:
    """Return whether a rebuild is under way, so that no list is complete."""
    return bool(await conn.fetchval(_SELECT_IS_REBUILDING))


async def create_indexes(conn: Connection) -> None:
    """Build the indexes that the reset dropped. Lanes wait meanwhile; a repeat changes nothing."""
    await conn.execute("SET statement_timeout = 0")
    await conn.execute("SELECT create_read_indexes()", timeout=_INDEX_TIMEOUT_S)


async def delete_targets(conn: Connection) -> None:
    """Record that the rebuild is complete."""
    await conn.execute("DELETE FROM rebuild")
