"""SQL of the overview. Who may see what is part of every statement."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from paidan_chassis.database import Pool
from paidan_cockpit.pages.list_statements import Arguments
from paidan_cockpit.pages.overview_counts import SOON, HourCount, OpenGroup
from paidan_cockpit.pages.visibility import Argument, Scope
from paidan_cockpit.settings import CONSUMER

_TIMEOUT_S: Final = 5.0
CELL: Final = 0.005
"""Side of a counted map cell in degrees: about 500 m."""
_MAX_CELLS: Final = 3000
_MAX_POINTS: Final = 500
_SELECT_OPEN: Final = """
    SELECT department, district, street, status,
           count(*) AS open,
           count(*) FILTER (WHERE due_at < {now}) AS overdue,
           count(*) FILTER (WHERE due_at >= {now} AND due_at < {soon}) AS due_soon
      FROM active_case AS listed
     WHERE ended_at IS NULL
       AND {visible}
     GROUP BY department, district, street, status
"""
_SELECT_HOURS: Final = """
    SELECT source, floor(extract(epoch FROM {at} - {begin}) / 3600)::integer AS hour, count(*) AS cases
      FROM {table}
     WHERE {at} >= {begin}
       AND {at} <= {end}
       AND {visible}
     GROUP BY source, hour
"""
_SELECT_LAST: Final = """
    SELECT source, max({at}) AS last
      FROM {table}
     WHERE {at} >= {begin}
       AND {visible}
     GROUP BY source
"""
# Where a confidential case is, is for its page alone: neither a point, nor, for points could be subtracted, in a cell.
_SELECT_CELLS: Final = f"""
    SELECT floor(latitude / {CELL})::integer AS row,
           floor(longitude / {CELL})::integer AS col,
           count(*) AS open,
           count(*) FILTER (WHERE due_at < {{now}}) AS overdue
      FROM active_case AS listed
     WHERE ended_at IS NULL
       AND latitude IS NOT NULL
       AND NOT confidential
       AND {{visible}}
     GROUP BY 1, 2
     ORDER BY 3 DESC
     LIMIT {_MAX_CELLS}
"""
_SELECT_POINTS: Final = f"""
    SELECT case_id, number, class_code, status, latitude, longitude, due_at, reported_at
      FROM active_case AS listed
     WHERE ended_at IS NULL
       AND latitude IS NOT NULL
       AND NOT confidential
       AND {{visible}}
     ORDER BY reported_at DESC
     LIMIT {_MAX_POINTS}
"""
_REPORTS: Final = "(TABLE report_row UNION ALL TABLE noted_report) AS report", "recorded_at"
_CASES: Final = "case_row AS listed", "reported_at"
# The lanes' positions move with every batch that is committed, and with nothing else.
_SELECT_POSITION: Final = """
    SELECT COALESCE(sum(next_offset), 0)::bigint
      FROM lane
     WHERE consumer = $1
"""
_SELECT_LANES: Final = """
    SELECT topic, count(*) AS lanes, sum(next_offset)::bigint AS position
      FROM lane
     WHERE consumer = $1
     GROUP BY topic
     ORDER BY topic
"""


@dataclass(frozen=True, slots=True)
class OverviewFilter:
    """Which part of a city the overview shows; None is no restriction."""

    district: str | None = None
    street: str | None = None
    class_code: str | None = None

    def query(self, city: str) -> str:
        """Return the address's query for this part of a city."""
        return urlencode({"city": city} | {name: value for name, value in asdict(self).items() if value is not None})

    def conditions(self, argument: Argument) -> Iterator[str]:
        """Yield the conditions of a statement about cases."""
        for name in ("district", "street", "class_code"):
            if (value := getattr(self, name)) is not None:
                yield f"{name} = {argument(value)}"


@dataclass(frozen=True, slots=True)
class Visible:
    """The cases that an overview is about: what its readers may see of what they asked for."""

    scope: Scope
    filter: OverviewFilter

    @property
    def is_whole_city(self) -> bool:
        """Whether it is all of a city: its reports can be counted then, of which class and place are not known."""
        grants = self.scope.grants
        return not (grants.classes or grants.places or grants.department) and self.filter == OverviewFilter()

    def text(self, argument: Argument) -> str:
        """Return the condition."""
        return " AND ".join([*self.scope.conditions(argument), *self.filter.conditions(argument)])


async def count_open(pool: Pool, visible: Visible) -> list[OpenGroup]:
    """Count open cases by what the overview groups them by."""
    now = visible.scope.now
    return [OpenGroup(*row) for row in await _fetch(pool, _SELECT_OPEN, visible, now=now, soon=now + SOON)]


async def count_hours(pool: Pool, visible: Visible, begin: datetime, end: datetime) -> list[HourCount]:
    """Count the reports of a time by source and hour since its beginning; of a part of the city, the new cases."""
    return [HourCount(*row) for row in await _fetch_new(pool, _SELECT_HOURS, visible, begin=begin, end=end)]


async def last_times(pool: Pool, visible: Visible, begin: datetime) -> dict[str, datetime]:
    """Return when each source last sent one, if it was after ``begin``."""
    return {row["source"]: row["last"] for row in await _fetch_new(pool, _SELECT_LAST, visible, begin=begin)}


async def load_cells(pool: Pool, visible: Visible) -> list[tuple[float, float, int, int]]:
    """Return counted cells of the map without confidential cases: south and west of each, open and overdue ones."""
    rows = await _fetch(pool, _SELECT_CELLS, visible, now=visible.scope.now)
    return [(round(row["row"] * CELL, 6), round(row["col"] * CELL, 6), row["open"], row["overdue"]) for row in rows]


async def load_points(pool: Pool, visible: Visible) -> list[Any]:
    """Return the newest open cases that have a position."""
    return await _fetch(pool, _SELECT_POINTS, visible)


async def load_position(pool: Pool) -> int:
    """Return a number that changes with every commit of the consumer: it grows, and a rebuild rewinds it."""
    return int(await pool.fetchval(_SELECT_POSITION, CONSUMER, timeout=_TIMEOUT_S))


async def read_lanes(pool: Pool) -> list[tuple[str, int, int]]:
    """Return the consumer's topics: name, number of lanes, records read."""
    return [tuple(row) for row in await pool.fetch(_SELECT_LANES, CONSUMER, timeout=_TIMEOUT_S)]


async def _fetch(pool: Pool, template: str, visible: Visible, **values: object) -> list[Any]:
    arguments = Arguments()
    parts = {name: arguments.add(value) for name, value in values.items()}
    text = template.format(**parts, visible=visible.text(arguments.add))
    return await pool.fetch(text, *arguments.values, timeout=_TIMEOUT_S)


async def _fetch_new(pool: Pool, template: str, visible: Visible, **values: object) -> list[Any]:
    arguments = Arguments()
    table, at = _REPORTS if visible.is_whole_city else _CASES
    parts = {name: arguments.add(value) for name, value in values.items()}
    condition = f"city = {arguments.add(visible.scope.city)}" if visible.is_whole_city else visible.text(arguments.add)
    text = template.format(**parts, table=table, at=at, visible=condition)
    return await pool.fetch(text, *arguments.values, timeout=_TIMEOUT_S)
