"""The filters of dispatch's lists, each with values that few cases have and that most have, and their pairs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations, product
from typing import Final

from paidan_chassis.database import Connection

_SELECT_EXTREMES: Final = """
    SELECT value
      FROM (SELECT {value} AS value, count(*) AS cases FROM dispatch.case_now GROUP BY 1) AS counted
     WHERE value <> ''
     ORDER BY cases
"""
_OFFICE: Final = "split_part(split_part(answerable, ' office=', 2), ' ', 1)"
_IN_TIME: Final = "ended_at IS NULL AND next_due_at IS NOT NULL AND NOT overdue AND NOT due_soon"


@dataclass(frozen=True, slots=True)
class Choice:
    """A filter with one value: its query parameters, and the condition that it stands for."""

    name: str
    parameters: tuple[tuple[str, str], ...]
    condition: str


def choices_of(filters: Sequence[Sequence[Choice]]) -> Iterator[tuple[Choice, ...]]:
    """Yield no filter, each alone, and every pair, with each of their values."""
    yield ()
    for each in filters:
        yield from ((choice,) for choice in each)
    for one, other in combinations(filters, 2):
        yield from product(one, other)


async def find_filters(conn: Connection, at: datetime) -> list[list[Choice]]:
    """Return the choices of each filter: the value that fewest cases have, and the one that most have."""
    found = [
        await _extremes(conn, name, column, f"{column} = '{{value}}'")
        for name, column in (
            *(("source", "source"), ("department", "department"), ("class_code", "class_code")),
            *(("status", "status"), ("level", "level")),
        )
    ]
    districts = await _extremes(conn, "place", "split_part(places, '/', 2)", "places LIKE '%/{value}/%'")
    communities = await _extremes(conn, "place", "split_part(places, '/', 4)", "places LIKE '%/{value}/%'")
    found.append([*communities[:1], *districts[-1:]])
    found.append(await _extremes(conn, "office", _OFFICE, "answerable LIKE '% office={value} %'"))
    day, month = at - timedelta(days=60, hours=1), at - timedelta(days=100)
    soon = at + timedelta(days=2)
    found += [
        [
            _flag("held", "true", "held"),
            _flag("planned", "true", "status = 'filed' AND NOT held AND NOT past"),
            _flag("verifier", "steward", "status = 'received' AND answerable LIKE '% verifier=steward %'"),
        ],
        [_flag("overdue", "true", "overdue")],
        [_flag("not_called_back", "true", "awaits_call")],
        [
            _flag("pending", "any", "pending_request IS NOT NULL"),
            _flag("pending", "appeal", "pending_request = 'appeal'"),
        ],
        [_flag("due", "soon", "ended_at IS NULL AND due_soon"), _flag("due", "in_time", _IN_TIME)],
        [Choice("due_before", (("due_before", soon.isoformat()),), f"ended_at IS NULL AND next_due_at < '{soon}'")],
        [
            _reported("a day", day, day + timedelta(days=1)),
            _reported("months", month - timedelta(days=500), month),
        ],
    ]
    return found


def _flag(name: str, value: str, condition: str) -> Choice:
    return Choice(f"{name}={value}", ((name, value),), condition)


def _reported(name: str, since: datetime, until: datetime) -> Choice:
    parameters = (("reported_from", since.isoformat()), ("reported_until", until.isoformat()))
    return Choice(f"reported in {name}", parameters, f"reported_at >= '{since}' AND reported_at < '{until}'")


async def _extremes(conn: Connection, name: str, value: str, condition: str) -> list[Choice]:
    values = [row["value"] for row in await conn.fetch(_SELECT_EXTREMES.format(value=value))]
    extremes = {"rare": values[0], "common": values[-1]} if values else {}
    return [
        Choice(f"{name}, {which}", ((name, each),), condition.format(value=each)) for which, each in extremes.items()
    ]
