"""SQL of lists and of single cases, on a pool of their own. Who may see what is part of every statement."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from paidan_chassis.database import Pool
from paidan_chassis.edge.cursors import CursorCodec, InvalidCursor
from paidan_cockpit.case_rows import NEVER
from paidan_cockpit.pages.queue_filter import QueueFilter
from paidan_cockpit.pages.visibility import Scope
from paidan_contracts.wire import CaseId

_TIMEOUT_S: Final = 5.0
_COLUMNS: Final = """case_row.case_id, version, number, case_row.city, city_version, status, source, channel,
           class_code, row_id, district, street, community, grid, address, latitude, longitude, text, confidential,
           department, helpers,
           reports, round, hops, reopened, urged, held, awaits_call, rating, past, case_row.reported_at, ended_at,
           due_kind, due_at"""


class QueueKey(NamedTuple):
    """The last case of a page, by the order of the list."""

    at: datetime
    case_id: CaseId


_CURSORS: Final = CursorCodec(QueueKey)


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case as lists show it."""

    case_id: str
    version: int
    number: str
    city: str
    city_version: str
    status: str
    source: str
    channel: str
    class_code: str | None
    row_id: str | None
    district: str | None
    street: str | None
    community: str | None
    grid: str | None
    address: str | None
    latitude: float | None
    longitude: float | None
    text: str
    confidential: bool
    department: str | None
    helpers: list[str]
    reports: int
    round: int
    hops: int
    reopened: int
    urged: int
    held: bool
    awaits_call: bool
    rating: str | None
    past: bool
    reported_at: datetime
    ended_at: datetime | None
    due_kind: str | None
    due_at: datetime

    @property
    def due(self) -> datetime | None:
        """When the next running clock ends; None where none runs."""
        return self.due_at if self.due_at < NEVER else None


@dataclass(frozen=True, slots=True)
class CasePage:
    """A page of a list, and the cursor of the next one."""

    cases: list[CaseView]
    after: str | None


class QueueCounts(NamedTuple):
    """How many open cases are in each queue."""

    open: int
    placing: int
    verification: int
    returned: int
    overdue: int
    due_soon: int
    inspection: int
    callback: int


_SELECT_COUNTS: Final = """
    SELECT count(*) FILTER (WHERE ended_at IS NULL) AS open,
           count(*) FILTER (WHERE status = 'filed') AS placing,
           count(*) FILTER (WHERE status = 'received') AS verification,
           count(*) FILTER (WHERE hops > 0 AND status IN ('filed', 'dispatched')) AS returned,
           count(*) FILTER (WHERE ended_at IS NULL AND due_at < {now}) AS overdue,
           count(*) FILTER (WHERE ended_at IS NULL AND due_at >= {now} AND due_at < {soon}) AS due_soon,
           count(*) FILTER (WHERE status = 'inspecting') AS inspection,
           count(*) FILTER (WHERE awaits_call) AS callback
      FROM case_row
     WHERE (ended_at IS NULL OR awaits_call)
       AND {visible}
"""
_SELECT_CASE: Final = f"""
    SELECT {_COLUMNS}
      FROM case_row
     WHERE case_id = $1
"""
_SELECT_CASES: Final = f"""
    SELECT {_COLUMNS}
      FROM case_row
     WHERE case_id = ANY($1::text[])
"""
_QUEUE_CONDITIONS: Final = {
    "open": "ended_at IS NULL",
    "in-work": "ended_at IS NULL AND status IN ('dispatched', 'handling', 'suspended')",
    "placing": "ended_at IS NULL AND status = 'filed'",
    "verification": "ended_at IS NULL AND status = 'received'",
    "returned": "ended_at IS NULL AND hops > 0 AND status IN ('filed', 'dispatched')",
    "overdue": "ended_at IS NULL AND due_at < {now}",
    "due-soon": "ended_at IS NULL AND due_at >= {now} AND due_at < {soon}",
    "inspection": "ended_at IS NULL AND status = 'inspecting'",
    "callback": "awaits_call",
    "all": "true",
}


async def find_case(pool: Pool, case_id: str) -> CaseView | None:
    """Return a case by its id, whoever may see it."""
    row = await pool.fetchrow(_SELECT_CASE, case_id, timeout=_TIMEOUT_S)
    return CaseView(**row) if row else None


async def find_cases(pool: Pool, case_ids: Sequence[str]) -> list[CaseView]:
    """Return cases by their ids, whoever may see them, in no order."""
    rows = await pool.fetch(_SELECT_CASES, list(case_ids), timeout=_TIMEOUT_S)
    return [CaseView(**row) for row in rows]


async def count_queues(pool: Pool, scope: Scope, queue_filter: QueueFilter) -> QueueCounts:
    """Return how many cases are in each queue of a person."""
    arguments = Arguments()
    text = _SELECT_COUNTS.format(
        now=arguments.add(scope.now),
        soon=arguments.add(scope.now + queue_filter.soon),
        visible=" AND ".join(scope.conditions(arguments.add)),
    )
    [row] = await pool.fetch(text, *arguments.values, timeout=_TIMEOUT_S)
    return QueueCounts(**row)


async def list_cases(pool: Pool, scope: Scope, queue_filter: QueueFilter, limit: int) -> CasePage:
    """Return a page of a list."""
    statement = _Statement(scope, queue_filter)
    rows = await pool.fetch(statement.text(limit + 1), *statement.arguments.values, timeout=_TIMEOUT_S)
    cases = [CaseView(**row) for row in rows[:limit]]
    has_more = len(rows) > limit
    return CasePage(cases, _CURSORS.encode(statement.key_of(cases[-1])) if has_more else None)


class Arguments:
    """The arguments of a statement that is put together from parts."""

    def __init__(self) -> None:
        self.values: list[object] = []

    def add(self, value: object) -> str:
        """Add a value; return the parameter that stands for it."""
        self.values.append(value)
        return f"${len(self.values)}"


class _Statement:
    """One list's statement, put together from constants; every value is an argument."""

    def __init__(self, scope: Scope, queue_filter: QueueFilter) -> None:
        self._filter = queue_filter
        self.arguments = Arguments()
        self._by_words = bool(queue_filter.word_list)
        self._conditions = list(self._all_conditions(scope))

    def text(self, limit: int) -> str:
        column = self._order_column
        direction = "DESC" if self._descends else "ASC"
        words = "JOIN case_words USING (case_id)" if self._by_words else ""
        return f"""
            SELECT {_COLUMNS}
              FROM case_row {words}
             WHERE {" AND ".join(self._conditions)}
             ORDER BY {column} {direction}, {self._table}.case_id {direction}
             LIMIT {self.arguments.add(limit)}
        """

    def key_of(self, last: CaseView) -> QueueKey:
        return QueueKey(last.reported_at if self._filter.by_report else last.due_at, last.case_id)

    @property
    def _table(self) -> str:
        return "case_words" if self._by_words else "case_row"

    @property
    def _order_column(self) -> str:
        return f"{self._table}.reported_at" if self._filter.by_report else "case_row.due_at"

    @property
    def _descends(self) -> bool:
        return self._filter.by_report and self._filter.newest_first

    def _all_conditions(self, scope: Scope) -> Iterator[str]:
        queue_filter = self._filter
        yield from scope.conditions(self.arguments.add)
        if self._by_words:
            yield f"case_words.city = {self.arguments.add(scope.city)}"
        condition = _QUEUE_CONDITIONS[queue_filter.queue]
        values = {"now": scope.now, "soon": scope.now + queue_filter.soon}
        yield condition.format(
            **{name: self.arguments.add(value) for name, value in values.items() if f"{{{name}}}" in condition}
        )
        for name in ("status", "department", "class_code", "district", "street", "source"):
            if (value := getattr(queue_filter, name)) is not None:
                yield f"case_row.{name} = {self.arguments.add(value)}"
        if (number := queue_filter.number) is not None:
            yield f"number >= {self.arguments.add(number)} AND number < {self.arguments.add(number + 'g')}"
        if self._by_words:
            yield f"case_words.words @> {self.arguments.add(queue_filter.word_list)}::text[]"
        if (key := _decode(queue_filter.after)) is not None:
            beyond = "<" if self._descends else ">"
            position = f"({self.arguments.add(key.at)}, {self.arguments.add(key.case_id)})"
            yield f"({self._order_column}, {self._table}.case_id) {beyond} {position}"


def _decode(cursor: str | None) -> QueueKey | None:
    try:
        return _CURSORS.decode(cursor) if cursor else None
    except InvalidCursor:
        return None
