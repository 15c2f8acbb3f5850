"""SQL of lists and of single cases, on a pool of their own. Who may see what is part of every statement."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from paidan_chassis.database import Pool
from paidan_cockpit.case_marks import mark
from paidan_cockpit.pages.case_summary import CASE_COLUMNS, SUMMARY_COLUMNS, CaseSummary
from paidan_cockpit.pages.list_statements import (
    CURSORS,
    QUEUE_CONDITIONS,
    Arguments,
    ListStatement,
    QueueKey,
    may_walk,
)
from paidan_cockpit.pages.precedence import Precedence
from paidan_cockpit.pages.queue_filter import QueueFilter
from paidan_cockpit.pages.search_terms import SearchTerm
from paidan_cockpit.pages.visibility import Scope

_TIMEOUT_S: Final = 5.0
_COUNT_TIMEOUT_S: Final = 0.25
_ROWS_WAIT_S: Final = 3.0
_POLL_S: Final = 0.1
_WALKED: Final = 10_000
"""Cases that are looked at one after the other before an index is asked for the words."""


@dataclass(frozen=True, slots=True)
class CaseListPage:
    """A page of a list, and the cursor of the next one."""

    cases: list[CaseSummary]
    after: str | None
    first: frozenset[str] = frozenset()
    """Those that come first by an emergency or event."""


class QueueCounts(NamedTuple):
    """How many cases are in each queue that is counted, by its name with underscores."""

    open: int
    placing: int
    planned: int
    verification: int
    returned: int
    overdue: int
    due_soon: int
    escalated: int
    inspection: int
    callback: int
    requests: int
    """Those that a duty decides, where one is given."""


_COUNTED: Final = ", ".join(
    f"count(*) FILTER (WHERE {QUEUE_CONDITIONS[name.replace('_', '-')]}) AS {name}"
    for name in QueueCounts._fields
    if name != "requests"
)
_SELECT_COUNTS: Final = f"""
    SELECT {_COUNTED},
           (SELECT count(*)
              FROM case_row AS listed
             WHERE {QUEUE_CONDITIONS["requests"]}
               AND ({{decides}}::text IS NULL OR marks @> ARRAY[{{decides}}::text])
               AND {{visible}}) AS requests
      FROM active_case AS listed
     WHERE {{visible}}
"""
_SELECT_CASE: Final = f"""
    SELECT {CASE_COLUMNS}
      FROM case_row
     WHERE case_id = $1
"""
_SELECT_CASES: Final = f"""
    SELECT {CASE_COLUMNS}
      FROM case_row
     WHERE case_id = ANY($1::text[])
"""


async def find_case(pool: Pool, case_id: str) -> CaseSummary | None:
    """Return a case by its id, whoever may see it."""
    row = await pool.fetchrow(_SELECT_CASE, case_id, timeout=_TIMEOUT_S)
    return CaseSummary.of(row) if row else None


async def find_cases(pool: Pool, case_ids: Sequence[str]) -> list[CaseSummary]:
    """Return cases by their ids, whoever may see them, in no order."""
    rows = await pool.fetch(_SELECT_CASES, list(case_ids), timeout=_TIMEOUT_S)
    return [CaseSummary.of(row) for row in rows]


async def wait_for_versions(pool: Pool, versions: Mapping[str, int]) -> None:
    """Wait a little until the read model has these versions of cases, so that the next list shows what was done."""
    deadline = time.monotonic() + _ROWS_WAIT_S
    while versions and time.monotonic() < deadline:
        summaries = await find_cases(pool, list(versions))
        if all(each.version >= versions[each.case_id] for each in summaries):
            return
        await asyncio.sleep(_POLL_S)


async def count_queues(pool: Pool, scope: Scope, queue_filter: QueueFilter, duty: str | None = None) -> QueueCounts:
    """Return how many cases are in each queue of a person; of requests those that this duty decides."""
    arguments = Arguments()
    text = _SELECT_COUNTS.format(
        now=arguments.add(scope.now),
        soon=arguments.add(scope.now + queue_filter.soon),
        decides=arguments.add(mark("decides", duty) if duty is not None else None),
        visible=" AND ".join(scope.conditions(arguments.add)),
    )
    [row] = await pool.fetch(text, *arguments.values, timeout=_TIMEOUT_S)
    return QueueCounts(**row)


async def list_cases(
    pool: Pool,
    scope: Scope,
    queue_filter: QueueFilter,
    limit: int,
    terms: Sequence[SearchTerm] | None = None,
    precedences: Sequence[Precedence] = (),
) -> CaseListPage:
    """Return a page of a list; ``terms`` is what the words of the filter stand for, by default for themselves alone.

    Cases to which one of the ``precedences`` applies come first in queues of active cases.
    """
    rows = []
    if limit < _WALKED and may_walk(scope, queue_filter):
        # Of common words the first page is soon found among the newest cases, whatever the planner takes them for.
        rows = await _fetch(pool, ListStatement(scope, queue_filter, _WALKED, terms), limit)
    if len(rows) <= limit:
        rows = await _fetch(pool, ListStatement(scope, queue_filter, None, terms, precedences), limit)
    priorities = {row["case_id"]: row["priority"] for row in rows[:limit]}
    cases = [CaseSummary.of({name: row[name] for name in SUMMARY_COLUMNS}) for row in rows[:limit]]
    after = None
    if len(rows) > limit:
        after = CURSORS.encode(_key_of(cases[-1], queue_filter, priorities[cases[-1].case_id]))
    return CaseListPage(cases, after, frozenset(id_ for id_, priority in priorities.items() if priority))


async def count_cases(
    pool: Pool, scope: Scope, queue_filter: QueueFilter, most: int, terms: Sequence[SearchTerm] | None = None
) -> int | None:
    """Return how many cases a list has; None where they are more than ``most``, or not counted in a moment."""
    statement = ListStatement(scope, replace(queue_filter, after=None), None, terms)
    text = statement.count_text(most + 1)
    try:
        found = await pool.fetchval(text, *statement.arguments.values, timeout=_COUNT_TIMEOUT_S)
    except TimeoutError:
        return None
    return found if found <= most else None


async def _fetch(pool: Pool, statement: ListStatement, limit: int) -> list[Any]:
    text = statement.text(limit + 1)
    return await pool.fetch(text, *statement.arguments.values, timeout=_TIMEOUT_S)


def _key_of(last: CaseSummary, queue_filter: QueueFilter, priority: int) -> QueueKey:
    return QueueKey(last.reported_at if queue_filter.by_report else last.due_at, last.case_id, priority)
