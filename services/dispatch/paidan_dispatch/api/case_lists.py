"""SQL of the list of cases: its filters, by columns that are indexed, and its pages in order of time."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, TypeAlias, get_args

from paidan_chassis import city_packs
from paidan_chassis.database import Pool
from paidan_contracts import ids
from paidan_contracts.state import CaseState, Status
from paidan_contracts.time_limits import RequestKind
from paidan_dispatch.api.like_patterns import class_pattern, place_pattern
from paidan_dispatch.api.queries import PageKey, decode_state

PendingRequest: TypeAlias = Literal["any"] | RequestKind
ENDED_STATUSES: Final[frozenset[Status]] = frozenset({"closed", "voided", "not_accepted"})

# One part for each of two partial indexes, of open and of ended cases, so that queues never scan ended ones.
SELECT_CASES_PART: Final = """
    (SELECT reported_at, case_id, version
       FROM case_now
      WHERE ended_at IS {ended}
        AND ($1::text IS NULL OR city = $1)
        AND ($2::text IS NULL OR area = $2)
        AND ($3::text[] IS NULL OR status = ANY($3))
        AND ($4::text IS NULL OR department = $4)
        AND ($5::text IS NULL OR class_code = $5)
        AND ($6::timestamptz IS NULL OR reported_at >= $6)
        AND ($7::timestamptz IS NULL OR reported_at < $7)
        AND ($8::timestamptz IS NULL OR (reported_at, case_id) {beyond} ($8, $9))
        AND ($11::timestamptz IS NULL OR next_due_at < $11)
        AND ($12::text IS NULL OR level = $12)
        AND ($13::text IS NULL OR source = $13)
        AND ($14::text IS NULL OR places LIKE $14)
        AND ($15::text[] IS NULL OR places LIKE ANY($15))
        AND ($16::text[] IS NULL OR class_code LIKE ANY($16))
        {more}
      ORDER BY reported_at {order}, case_id {order}
      LIMIT $10)
"""
# The states of one page, after it is known which cases are on it.
SELECT_CASES_PAGE: Final = """
    SELECT event
      FROM (SELECT *
              FROM ({parts}) AS found
             ORDER BY reported_at {order}, case_id {order}
             LIMIT $10) AS page
      JOIN history USING (case_id, version)
     ORDER BY reported_at {order}, case_id {order}
"""
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
AWAITS_CALLBACK_FILTER: Final = "AND awaits_call"
NUMBERED_FILTER: Final = "AND case_id = ANY($17::text[])"
HELD_FILTER: Final = "AND held"
OVERDUE_FILTER: Final = "AND overdue"
PENDING_FILTERS: Final[Mapping[PendingRequest, str]] = MappingProxyType(
    {
        "any": "AND pending_request IS NOT NULL",
        **{kind: f"AND pending_request IS NOT NULL AND pending_request = '{kind}'" for kind in get_args(RequestKind)},
    }
)
DUE_SOON_FILTER: Final = "AND due_soon"
IN_TIME_FILTER: Final = "AND next_due_at IS NOT NULL AND NOT overdue AND NOT due_soon"
ESCALATED_FILTER: Final = "AND level IS NOT NULL"
# True of every case: clocks are indexed by partition.
IN_ANY_PARTITION: Final = "AND lane = ANY(ARRAY(SELECT DISTINCT lane FROM lane_city))"


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """Which cases to list. None and empty mean no restriction."""

    city: str | None = None
    area: str | None = None
    statuses: tuple[Status, ...] = ()
    department: str | None = None
    class_code: str | None = None
    reported_from: datetime | None = None
    reported_until: datetime | None = None
    not_called_back: bool = False
    held: bool = False
    overdue: bool = False
    pending: PendingRequest | None = None
    due_soon: bool = False
    in_time: bool = False
    level: str | None = None
    """The highest of the city's ladder that stands."""
    source: str | None = None
    place: str | None = None
    """A district, street or community."""
    within_places: Collection[str] = ()
    """The caller's bounds: a case in any of them, and of any of these classes or patterns of classes."""
    within_classes: Collection[str] = ()
    due_before: datetime | None = None
    """Of open cases alone."""
    oldest_first: bool = False
    after: PageKey | None = None
    limit: int = 100
    number: str | None = None
    """The case's own, or a source's own number of a report in it."""


async def list_cases(pool: Pool, case_filter: CaseFilter) -> list[CaseState]:
    """Return a page of cases, ordered by the time of their first report."""
    order, comparison = ("ASC", ">") if case_filter.oldest_first else ("DESC", "<")
    clauses = {"order": order, "beyond": comparison, "more": " ".join(_literal_clauses(case_filter))}
    parts = [SELECT_CASES_PART.format(ended=ended, **clauses) for ended in _ended_clauses(case_filter)]
    union = " UNION ALL ".join(parts)
    statement = SELECT_CASES_PAGE.format(parts=union, **clauses)
    at, case_id = case_filter.after or (None, None)
    numbered = () if case_filter.number is None else (await find_numbered(pool, case_filter.number),)
    rows = await pool.fetch(
        statement,
        case_filter.city,
        case_filter.area,
        list(case_filter.statuses) or None,
        case_filter.department,
        case_filter.class_code,
        case_filter.reported_from,
        case_filter.reported_until,
        at,
        case_id,
        case_filter.limit,
        case_filter.due_before,
        case_filter.level,
        case_filter.source,
        case_filter.place and place_pattern(case_filter.place),
        [place_pattern(each) for each in case_filter.within_places] or None,
        [class_pattern(each) for each in case_filter.within_classes] or None,
        *numbered,
        timeout=30,
    )
    return [decode_state(row["event"]) for row in rows]


class CoveredPage(NamedTuple):
    """The cases of a page that the caller's bounds cover, and after which case the list goes on; None: it ends."""

    cases: list[CaseState]
    after: PageKey | None


async def list_covered(pool: Pool, case_filter: CaseFilter, covers: Callable[[CaseState], bool]) -> CoveredPage:
    """Return a page of the cases that ``covers`` holds for.

    Where few are covered it is not full though the list goes on: no request looks at more than ten pages.
    """
    found: list[CaseState] = []
    after = case_filter.after
    for _ in range(_MAX_PAGES):
        states = await list_cases(pool, replace(case_filter, after=after))
        for state in states:
            after = PageKey(state.reported_at, state.case_id)
            if covers(state):
                found.append(state)
                if len(found) == case_filter.limit:
                    return CoveredPage(found, after)
        if len(states) < case_filter.limit:
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


def _literal_clauses(case_filter: CaseFilter) -> Iterator[str]:
    """Yield conditions that are no parameters, for only then does the planner use their partial indexes."""
    if case_filter.not_called_back:
        yield AWAITS_CALLBACK_FILTER
    if case_filter.number is not None:
        yield NUMBERED_FILTER
    if case_filter.held:
        yield HELD_FILTER
    if case_filter.overdue:
        yield OVERDUE_FILTER
    if case_filter.pending is not None:
        yield PENDING_FILTERS[case_filter.pending]
    if case_filter.due_soon:
        yield DUE_SOON_FILTER
    if case_filter.in_time:
        yield IN_TIME_FILTER
    if case_filter.level is not None:
        yield ESCALATED_FILTER
    if case_filter.due_before is not None:
        yield IN_ANY_PARTITION


def _ended_clauses(case_filter: CaseFilter) -> list[str]:
    if case_filter.due_before is not None or case_filter.due_soon or case_filter.in_time or case_filter.level:
        return ["NULL"]
    ended = [status in ENDED_STATUSES for status in case_filter.statuses]
    parts = [("NULL", not all(ended) or not ended), ("NOT NULL", any(ended) or not ended)]
    return [part for part, is_wanted in parts if is_wanted]
