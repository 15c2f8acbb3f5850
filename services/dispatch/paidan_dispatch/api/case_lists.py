"""SQL of the list of cases: its filters, by columns that are indexed, and its pages in order of time."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final, NamedTuple

import asyncpg

from paidan_chassis import city_packs
from paidan_chassis.database import Pool
from paidan_contracts import ids
from paidan_contracts.state import CaseState
from paidan_dispatch.api.case_filter import CaseFilter
from paidan_dispatch.api.list_statements import MAX_WALKED, WALKED_PAGES, CasePageStatement
from paidan_dispatch.api.queries import PageKey, QueuedCase, decode_state

SELECT_NUMBERED: Final = """
    SELECT case_id
      FROM case_now
     WHERE number = $1
     UNION
    SELECT case_id
      FROM outcome
     WHERE id = ANY($2::uuid[])
       AND case_id IS NOT NULL
"""
_MAX_PAGES: Final = 10
_READ_FOR_WORDS: Final = (200, 1800)
"""Of how many cases the words are read: a common word fills the page from the first."""
SELECT_CITIES: Final = "SELECT DISTINCT city FROM lane_city ORDER BY city"


async def list_cases(pool: Pool, case_filter: CaseFilter, *, walked: int | None = None) -> list[CaseState]:
    """Return a page of cases, ordered by the time of their first report; queues by their priority before that.

    ``walked`` is how many cases are looked at in order of time before the rare ones among all are asked for.
    """
    return [decode_state(row["event"]) for row in await _list_rows(pool, case_filter, walked) if row["event"]]


async def _list_rows(pool: Pool, case_filter: CaseFilter, walked: int | None = None) -> "list[asyncpg.Record]":
    """Return time, id and event of each case; no event where it lacks the words."""
    cities = [case_filter.city] if case_filter.city is not None else await _cities(pool)
    if not cities:
        return []
    numbered = None if case_filter.number is None else await find_numbered(pool, case_filter.number)
    walked = walked or min(case_filter.limit * WALKED_PAGES, MAX_WALKED)
    statement = CasePageStatement(case_filter, cities, numbered, walked)
    return list(await pool.fetch(statement.text, *statement.arguments, timeout=30))


async def _cities(pool: Pool) -> list[str]:
    """Return every city that has, or had, a pack in force: no case is of another."""
    return [row["city"] for row in await pool.fetch(SELECT_CITIES, timeout=10)]


class CoveredPage(NamedTuple):
    """The cases of a page that the caller's bounds cover, and after which case the list goes on; None: it ends."""

    cases: list[QueuedCase]
    after: PageKey | None


async def list_covered(pool: Pool, case_filter: CaseFilter, covers: Callable[[CaseState], bool]) -> CoveredPage:
    """Return a page of the cases that have the words, and that ``covers`` holds for.

    Where few do it is not full though the list goes on: no request looks at more than ten pages, or, for words, at
    more than 2,000 cases.
    """
    found: list[QueuedCase] = []
    after = case_filter.after
    for size in _READ_FOR_WORDS if case_filter.words else [case_filter.limit] * _MAX_PAGES:
        rows = await _list_rows(pool, replace(case_filter, after=after, limit=size))
        for row in rows:
            after = PageKey(row["reported_at"], row["case_id"], row["priority"])
            state = decode_state(row["event"]) if row["event"] else None
            if state is not None and case_filter.has_words(state) and covers(state):
                found.append(QueuedCase(state, row["priority"]))
                if len(found) == case_filter.limit:
                    return CoveredPage(found, after)
        if len(rows) < size:
            return CoveredPage(found, None)
    return CoveredPage(found, after)


async def find_numbered(pool: Pool, number: str) -> list[str]:
    """Return the cases with this number, and those with a report to which some source gave it."""
    async with pool.acquire() as conn:
        # Of any version: what a source sent before it was dropped is still in its case.
        sources = {each.id for each in await city_packs.load_item_ids(conn, ["sources"])}
        reports = [ids.report_id(source, number) for source in sorted(sources)]
        rows = await conn.fetch(SELECT_NUMBERED, number, reports)
    return [row["case_id"] for row in rows]
