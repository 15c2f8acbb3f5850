"""SQL for rebuilding a consumer's tables from the log.

Its service's migrations create the table ``rebuild`` (topic, partition, until).
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import asyncpg

from paidan_chassis.consumer.batch import Lane
from paidan_chassis.consumer.positions import lane_columns
from paidan_chassis.database import Connection, Executor, Pool

_RETRY_INTERVAL_S: Final = 0.2
_LOCK_WAIT_S: Final = 30.0

# Every batch locks the table `lane` before any other, also one that is a single statement, which locks all its tables
# before it waits for a row. So the table, and not its rows, is what a rebuild must lock first.
_LOCK_LANES: Final = "LOCK TABLE lane IN EXCLUSIVE MODE"
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
_SELECT_IS_READING: Final = """
    SELECT EXISTS (
           SELECT
             FROM rebuild
             JOIN lane USING (topic, partition)
            WHERE lane.consumer = $1
              AND lane.next_offset < rebuild.until)
"""
_SELECT_IS_UNFINISHED: Final = "SELECT EXISTS (SELECT FROM rebuild)"


async def _leave_indexes(_: Executor) -> None:
    """Leave the tables' indexes as they are."""


@dataclass(frozen=True, slots=True)
class ComputedTables:
    """Tables that hold nothing but what a consumer has computed from the log."""

    names: tuple[str, ...]
    drop_indexes: Callable[[Connection], Awaitable[None]] = _leave_indexes
    """Runs in the transaction that empties the tables."""
    build_indexes: Callable[[Pool], Awaitable[None]] = _leave_indexes
    """Runs once the log has been read."""


class LogRange(NamedTuple):
    """Where a partition's log begins and ends."""

    begin: int
    end: int


async def reset(conn: Connection, consumer: str, tables: ComputedTables, ranges: Mapping[Lane, LogRange]) -> None:
    """Empty the tables and rewind every lane of ``ranges``, in one transaction.

    Raises LockNotAvailableError or DeadlockDetectedError when others have held the tables for half a minute.
    """
    deadline = time.monotonic() + _LOCK_WAIT_S
    while True:
        try:
            async with conn.transaction():
                await _lock_and_empty(conn, tables.names)
                await tables.drop_indexes(conn)
                await _rewind(conn, consumer, ranges)
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(_RETRY_INTERVAL_S)
        else:
            return


async def _lock_and_empty(conn: Connection, tables: Sequence[str]) -> None:
    # While this waits for readers, lanes wait for it: a running service would take it for a frozen owner.
    await conn.execute("SET LOCAL lock_timeout = '1s'")
    await conn.execute(_LOCK_LANES)
    await conn.execute(f"TRUNCATE {', '.join((*tables, 'rebuild'))}")


async def _rewind(conn: Connection, consumer: str, ranges: Mapping[Lane, LogRange]) -> None:
    columns = lane_columns(ranges)
    await conn.execute(_REWIND_LANES, consumer, *columns, [each.begin for each in ranges.values()])
    await conn.execute(_INSERT_TARGETS, *columns, [each.end for each in ranges.values()])


async def count_remaining(conn: Connection, consumer: str) -> int:
    """Return how many records are still to be read."""
    return int(await conn.fetchval(_SELECT_REMAINING, consumer))


async def is_reading(conn: Connection, consumer: str) -> bool:
    """Return whether a rebuild has not yet read all of the log, so that nothing is complete.

    False also for a rebuild that was interrupted, once the running service has read the rest.
    """
    return bool(await conn.fetchval(_SELECT_IS_READING, consumer))


async def is_unfinished(conn: Connection) -> bool:
    """Return whether a rebuild has not come to its end: it reads the log or builds indexes, or was interrupted."""
    return bool(await conn.fetchval(_SELECT_IS_UNFINISHED))


async def delete_targets(conn: Connection) -> None:
    """Record that the rebuild is complete."""
    await conn.execute("DELETE FROM rebuild")
