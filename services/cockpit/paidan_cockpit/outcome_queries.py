"""SQL of suppressed alarms and noted reports: counted when their outcomes come, read by the overview."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from paidan_chassis.database import Connection, Pool
from paidan_cockpit.case_rows import CountedReport
from paidan_cockpit.report_outcomes import SuppressedAlarm
from paidan_contracts.topics import OUTCOMES

_TIMEOUT_S: Final = 5.0
KEPT: Final = OUTCOMES.retention or timedelta(days=30)
"""How long counts stay: as long as the log from which they can be made again."""
# Sorted, so that two processes never wait for each other's rows in turn.
_COUNT_SUPPRESSED: Final = """
      WITH incoming AS (
           SELECT *
             FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
               AS incoming (alarm_id, city, source, reason, recorded_at)
            WHERE recorded_at > COALESCE((SELECT max(quarter) FROM suppressed_tally) - $6::interval, '-infinity')
      ), added AS (
           INSERT INTO suppressed_alarm (alarm_id, recorded_at)
           SELECT alarm_id, recorded_at
             FROM incoming
            ORDER BY alarm_id
               ON CONFLICT DO NOTHING
        RETURNING alarm_id
      )
    INSERT INTO suppressed_tally AS tally (quarter, city, source, reason, alarms, last_at)
    SELECT date_bin('15 minutes', recorded_at, '2000-01-01Z'), city, source, reason, count(*), max(recorded_at)
      FROM incoming
      JOIN added USING (alarm_id)
     GROUP BY 1, 2, 3, 4
     ORDER BY 1, 2, 3, 4
        ON CONFLICT (quarter, city, source, reason) DO UPDATE
       SET alarms = tally.alarms + EXCLUDED.alarms,
           last_at = GREATEST(tally.last_at, EXCLUDED.last_at)
"""
_SAVE_NOTED: Final = """
    INSERT INTO noted_report (report_id, city, source, recorded_at)
    SELECT *
      FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[])
        ON CONFLICT DO NOTHING
"""
_DELETE_OLD_NOTED: Final = """
    DELETE FROM noted_report
     WHERE recorded_at < (SELECT max(recorded_at) FROM noted_report) - $1::interval
"""
_DELETE_OLD_ALARMS: Final = """
    DELETE FROM suppressed_alarm
     WHERE recorded_at < (SELECT max(quarter) FROM suppressed_tally) - $1::interval
"""
_DELETE_OLD_TALLIES: Final = """
    DELETE FROM suppressed_tally
     WHERE quarter < (SELECT max(quarter) FROM suppressed_tally) - $1::interval
"""
_SELECT_SUPPRESSED: Final = """
    SELECT source, reason, floor(extract(epoch FROM quarter - $2) / 3600)::integer AS hour, sum(alarms)::bigint
      FROM suppressed_tally
     WHERE quarter >= $2
       AND quarter < $3
       AND city = $1
     GROUP BY source, reason, hour
     ORDER BY source, reason, hour
"""
_SELECT_LAST: Final = """
    SELECT source, max(last_at)
      FROM suppressed_tally
     WHERE quarter >= $2
       AND city = $1
     GROUP BY source
"""


class SuppressedCount(NamedTuple):
    """How many alarms of a source were suppressed for a reason, within an hour counted from the beginning."""

    source: str
    reason: str
    hour: int
    alarms: int


async def save_suppressed(conn: Connection, alarms: Sequence[SuppressedAlarm]) -> None:
    """Count alarms that are not counted yet; forget those of long ago."""
    columns = [list(column) for column in zip(*alarms, strict=True)]
    await conn.execute(_COUNT_SUPPRESSED, *columns, KEPT)
    await conn.execute(_DELETE_OLD_ALARMS, KEPT)
    await conn.execute(_DELETE_OLD_TALLIES, KEPT)


async def save_noted(conn: Connection, reports: Collection[CountedReport]) -> None:
    """Store noted reports that are not known yet; forget those of long ago."""
    await conn.execute(_SAVE_NOTED, *(list(column) for column in zip(*sorted(reports), strict=True)))
    await conn.execute(_DELETE_OLD_NOTED, KEPT)


async def count_suppressed(pool: Pool, city: str, begin: datetime, end: datetime) -> list[SuppressedCount]:
    """Return how many alarms of a city were suppressed within a time that begins and ends with a quarter of an hour."""
    rows = await pool.fetch(_SELECT_SUPPRESSED, city, begin, end, timeout=_TIMEOUT_S)
    return [SuppressedCount(*row) for row in rows]


async def last_suppressed(pool: Pool, city: str, since: datetime) -> dict[str, datetime]:
    """Return when an alarm of each source was last suppressed, if it was not long before ``since``."""
    return dict(await pool.fetch(_SELECT_LAST, city, since, timeout=_TIMEOUT_S))
