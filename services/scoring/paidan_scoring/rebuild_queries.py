"""SQL for rebuilding facts and tallies from the log, one function each."""

import asyncio
import time
from collections.abc import Mapping
from typing import Final

import asyncpg

from paidan_chassis.database import Connection
from paidan_contracts.topics import CASES
from paidan_scoring.settings import CONSUMER

_RETRY_INTERVAL_S: Final = 0.2
_LOCK_WAIT_S: Final = 30.0

# The lanes' rows first: a consumer locks them while it folds, and no batch may find half of its tallies gone.
_LOCK_LANES: Final = """
    SELECT partition
      FROM lane
     WHERE consumer = $1
       AND topic = $2
     ORDER BY partition
       FOR UPDATE
"""
_TRUNCATE_TABLES: Final = "TRUNCATE fact, tally, mark, rebuild"
_REWIND_LANES: Final = """
    UPDATE lane
       SET next_offset = log.begin
      FROM unnest($3::integer[], $4::bigint[]) AS log (partition, begin)
     WHERE lane.consumer = $1
       AND lane.topic = $2
       AND lane.partition = log.partition
"""
_INSERT_TARGETS: Final = """
    INSERT INTO rebuild (partition, until)
    SELECT *
      FROM unnest($1::integer[], $2::bigint[])
"""
_SELECT_REMAINING: Final = """
    SELECT COALESCE(sum(GREATEST(rebuild.until - COALESCE(lane.next_offset, 0), 0)), 0)::bigint
      FROM rebuild
      LEFT JOIN lane ON lane.consumer = $1 AND lane.topic = $2 AND lane.partition = rebuild.partition
"""
_SELECT_IS_REBUILDING: Final = """
    SELECT EXISTS (
           SELECT
             FROM rebuild
             JOIN lane USING (partition)
            WHERE lane.consumer = $1
              AND lane.topic = $2
              AND lane.next_offset < rebuild.until)
"""


async def reset(conn: Connection, log_bounds: Mapping[int, tuple[int, int]]) -> None:
    """Empty facts and tallies and rewind every lane, in one transaction; ``log_bounds``: begin and end by partition.

    Published scores stay as they are, and are brought up to date once the log has been read.
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


async def _reset(conn: Connection, log_bounds: Mapping[int, tuple[int, int]]) -> None:
    partitions = sorted(log_bounds)
    async with conn.transaction():
        # While this waits for readers, lanes wait for it: a running service would take it for a frozen owner.
        await conn.execute("SET LOCAL lock_timeout = '1s'")
        await conn.fetch(_LOCK_LANES, CONSUMER, CASES.name)
        await conn.execute(_TRUNCATE_TABLES)
        await conn.execute(
            _REWIND_LANES, CONSUMER, CASES.name, partitions, [log_bounds[each][0] for each in partitions]
        )
        await conn.execute(_INSERT_TARGETS, partitions, [log_bounds[each][1] for each in partitions])


async def count_remaining(conn: Connection) -> int:
    """Return how many records are still to be read."""
    return int(await conn.fetchval(_SELECT_REMAINING, CONSUMER, CASES.name))


async def is_rebuilding(conn: Connection) -> bool:
    """Return whether a rebuild has not yet read all of the log, so that no score is complete."""
    return bool(await conn.fetchval(_SELECT_IS_REBUILDING, CONSUMER, CASES.name))


async def delete_targets(conn: Connection) -> None:
    """Record that the rebuild is complete."""
    await conn.execute("DELETE FROM rebuild")
