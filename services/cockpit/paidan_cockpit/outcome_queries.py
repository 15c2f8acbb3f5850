"""SQL of suppressed alarms and noted reports: counted when their outcomes come, read by the overview."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from paidan_chassis.database import Connection, Pool
from paidan_cockpit.case_rows import CountedReport
from paidan_cockpit.first_outcomes import first_outcomes
from paidan_cockpit.report_outcomes import SuppressedAlarm

_TIMEOUT_S: Final = 5.0
# What of the ids counts already; the row without an id is the newest quarter.
_SELECT_ALARMS: Final = """
    SELECT NULL AS id, max(quarter) AS at
      FROM suppressed_tally
     UNION ALL
    SELECT alarm_id::text, recorded_at
      FROM suppressed_alarm
     WHERE alarm_id = ANY($1::uuid[])
"""
_SELECT_NOTED: Final = """
    SELECT NULL AS id, date_bin('15 minutes', max(recorded_at), '2000-01-01Z') AS at
      FROM noted_report
     UNION ALL
    SELECT report_id::text, recorded_at
      FROM noted_report
     WHERE report_id = ANY($1::uuid[])
"""
# Sorted, so that two processes never wait for each other's rows in turn.
_COUNT_SUPPRESSED: Final = """
      WITH incoming AS (
           SELECT *
             FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
               AS incoming (alarm_id, city, source, reason, recorded_at)
      ), added AS (
           INSERT INTO suppressed_alarm (alarm_id, recorded_at)
           SELECT alarm_id, recorded_at
             FROM incoming
            ORDER BY alarm_id
               ON CONFLICT (alarm_id) DO UPDATE
              SET recorded_at = EXCLUDED.recorded_at
            WHERE suppressed_alarm.recorded_at < $6
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
      FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[]) AS incoming (report_id, city, source, at)
     ORDER BY report_id
        ON CONFLICT (report_id) DO UPDATE
       SET city = EXCLUDED.city,
           source = EXCLUDED.source,
           recorded_at = EXCLUDED.recorded_at
     WHERE noted_report.recorded_at < $5
"""
_DELETE_OLD_NOTED: Final = """
    DELETE FROM noted_report
     WHERE recorded_at < $1
"""
_DELETE_OLD_ALARMS: Final = """
    DELETE FROM suppressed_alarm
     WHERE recorded_at < $1
"""
_DELETE_OLD_TALLIES: Final = """
    DELETE FROM suppressed_tally
     WHERE quarter < $1
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
    """Count alarms, in the order of the log, that are not counted yet; forget those of long ago."""
    known, newest = await _known(conn, _SELECT_ALARMS, [each.alarm_id for each in alarms])
    found = first_outcomes(((each.alarm_id, each) for each in alarms), known, newest)
    if found.added:
        await conn.execute(_COUNT_SUPPRESSED, *_columns(found.added.values()), found.oldest)
        await conn.execute(_DELETE_OLD_ALARMS, found.oldest)
        await conn.execute(_DELETE_OLD_TALLIES, found.oldest)


async def save_noted(conn: Connection, reports: Sequence[CountedReport]) -> None:
    """Store noted reports, in the order of the log, that are not known yet; forget those of long ago."""
    known, newest = await _known(conn, _SELECT_NOTED, [each.report_id for each in reports])
    found = first_outcomes(((each.report_id, each) for each in reports), known, newest)
    if found.added:
        await conn.execute(_SAVE_NOTED, *_columns(found.added.values()), found.oldest)
        await conn.execute(_DELETE_OLD_NOTED, found.oldest)


async def _known(conn: Connection, query: str, ids: Sequence[str]) -> tuple[dict[str, datetime], datetime | None]:
    """Return when those of the ids were recorded that count already, and the newest quarter of all."""
    found: dict[str | None, datetime | None] = dict(await conn.fetch(query, ids))
    newest = found.pop(None, None)
    return {id_: at for id_, at in found.items() if id_ and at}, newest


def _columns(rows: Iterable[tuple[object, ...]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]


async def count_suppressed(pool: Pool, city: str, begin: datetime, end: datetime) -> list[SuppressedCount]:
    """Return how many alarms of a city were suppressed within a time that begins and ends with a quarter of an hour."""
    rows = await pool.fetch(_SELECT_SUPPRESSED, city, begin, end, timeout=_TIMEOUT_S)
    return [SuppressedCount(*row) for row in rows]


async def last_suppressed(pool: Pool, city: str, since: datetime) -> dict[str, datetime]:
    """Return when an alarm of each source was last suppressed, if it was not long before ``since``."""
    return dict(await pool.fetch(_SELECT_LAST, city, since, timeout=_TIMEOUT_S))
