"""SQL of the overview: what is open, how much came in, and whether anything has changed since."""

from datetime import datetime
from typing import Final, NamedTuple

from paidan_chassis.database import Pool
from paidan_cockpit.pages.queries import Arguments
from paidan_cockpit.pages.visibility import Scope
from paidan_cockpit.settings import CONSUMER

_TIMEOUT_S: Final = 5.0
# The lanes' positions move with every batch that is committed, and with nothing else.
_SELECT_POSITION: Final = """
    SELECT COALESCE(sum(next_offset), 0)::bigint
      FROM lane
     WHERE consumer = $1
"""
_SELECT_OPEN: Final = """
    SELECT COALESCE(district, '') AS district,
           COALESCE(department, '') AS department,
           status,
           count(*) AS cases,
           count(*) FILTER (WHERE due_at < {now}) AS overdue,
           count(*) FILTER (WHERE due_at >= {now} AND due_at < {soon}) AS due_soon
      FROM case_row
     WHERE ended_at IS NULL
       AND {visible}
     GROUP BY 1, 2, 3
"""
_SELECT_REPORTS: Final = """
    SELECT source,
           count(*) FILTER (WHERE recorded_at >= $2) AS today,
           count(*) FILTER (WHERE recorded_at < $4) AS before
      FROM report_row
     WHERE city = $1
       AND (recorded_at >= $2 AND recorded_at <= $5 OR recorded_at >= $3 AND recorded_at < $4)
     GROUP BY source
     ORDER BY today DESC, source
"""
_SELECT_CLOSED: Final = """
    SELECT count(*)
      FROM case_row
     WHERE status = 'closed'
       AND ended_at >= {since}
       AND {visible}
"""


class OpenGroup(NamedTuple):
    """Open cases that are alike in district, department and status; an unknown one is empty."""

    district: str
    department: str
    status: str
    cases: int
    overdue: int
    due_soon: int


class SourceFlow(NamedTuple):
    """Reports of a source: today so far, and until the same time on the same weekday before."""

    source: str
    today: int
    before: int


class Day(NamedTuple):
    """Today up to now, and the same span a week before."""

    begin: datetime
    begin_before: datetime
    end_before: datetime
    now: datetime


async def load_position(pool: Pool) -> int:
    """Return a number that grows with every commit of the consumer."""
    return int(await pool.fetchval(_SELECT_POSITION, CONSUMER, timeout=_TIMEOUT_S))


async def load_open_groups(pool: Pool, scope: Scope, soon: datetime) -> list[OpenGroup]:
    """Return the open cases that a person may see, counted."""
    arguments = Arguments()
    text = _SELECT_OPEN.format(
        now=arguments.add(scope.now),
        soon=arguments.add(soon),
        visible=" AND ".join(scope.conditions(arguments.add)),
    )
    rows = await pool.fetch(text, *arguments.values, timeout=_TIMEOUT_S)
    return [OpenGroup(**row) for row in rows]


async def load_reports(pool: Pool, city: str, day: Day) -> list[SourceFlow]:
    """Return the reports of a city by source."""
    rows = await pool.fetch(
        _SELECT_REPORTS, city, day.begin, day.begin_before, day.end_before, day.now, timeout=_TIMEOUT_S
    )
    return [SourceFlow(**row) for row in rows]


async def count_closed(pool: Pool, scope: Scope, since: datetime) -> int:
    """Return how many cases were closed since a time."""
    arguments = Arguments()
    text = _SELECT_CLOSED.format(since=arguments.add(since), visible=" AND ".join(scope.conditions(arguments.add)))
    return int(await pool.fetchval(text, *arguments.values, timeout=_TIMEOUT_S))
