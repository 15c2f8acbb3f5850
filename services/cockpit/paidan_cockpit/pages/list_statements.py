"""Statements of lists, put together from constants. Who may see what is part of each."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from paidan_chassis.edge.cursors import CursorCodec, InvalidCursor
from paidan_cockpit.facets import place_facets
from paidan_cockpit.pages.case_summary import CASE_COLUMNS
from paidan_cockpit.pages.precedence import Precedence, priority_expression
from paidan_cockpit.pages.queue_filter import QueueFilter
from paidan_cockpit.pages.search_terms import SearchTerm, plain_terms
from paidan_cockpit.pages.visibility import Scope
from paidan_contracts.wire import CaseId

_ENDED: Final = ("closed", "voided", "not_accepted")
QUEUE_CONDITIONS: Final[Mapping[str, str]] = {
    "open": "ended_at IS NULL",
    "in-work": "ended_at IS NULL AND status IN ('dispatched', 'handling', 'suspended')",
    "placing": "ended_at IS NULL AND status = 'filed' AND NOT marks @> ARRAY['planned']",
    "planned": "ended_at IS NULL AND marks @> ARRAY['planned']",
    "verification": "ended_at IS NULL AND status = 'received'",
    "returned": "ended_at IS NULL AND hops > 0 AND status IN ('filed', 'dispatched')",
    "overdue": "ended_at IS NULL AND due_at < {now}",
    "due-soon": "ended_at IS NULL AND due_at >= {now} AND due_at < {soon}",
    "escalated": "ended_at IS NULL AND marks @> ARRAY['escalated']",
    "requests": "asks",
    "inspection": "ended_at IS NULL AND status = 'inspecting'",
    "callback": "awaits_call",
    "all": "true",
}
"""Which cases are in each queue; ``now`` and ``soon`` are arguments."""


class QueueKey(NamedTuple):
    """The last case of a page, by the order of the list."""

    at: datetime
    case_id: CaseId
    priority: int = 0
    """Of a case that comes first by an emergency or event."""


CURSORS: Final = CursorCodec(QueueKey)


class Arguments:
    """The arguments of a statement that is put together from parts."""

    def __init__(self) -> None:
        self.values: list[object] = []

    def add(self, value: object) -> str:
        """Add a value; return the parameter that stands for it."""
        self.values.append(value)
        return f"${len(self.values)}"


class ListStatement:
    """One list's statement, put together from constants; every value is an argument.

    With ``walked`` it looks at no more than so many cases, in the order of the list. ``terms`` is what the words of the
    filter stand for; by default for themselves alone.
    """

    def __init__(
        self,
        scope: Scope,
        queue_filter: QueueFilter,
        walked: int | None = None,
        terms: Sequence[SearchTerm] | None = None,
        precedences: Sequence[Precedence] = (),
    ) -> None:
        self._scope = scope
        self._filter = queue_filter
        self._walked = walked
        self._terms = plain_terms(queue_filter.word_list) if terms is None or queue_filter.number else terms
        self._by_words = bool(queue_filter.word_list or facets_in(scope, queue_filter))
        self.arguments = Arguments()
        comes_first = bool(precedences) and not self._by_words and is_active(queue_filter)
        self._priority = priority_expression(precedences, self.arguments.add) if comes_first else ""

    def text(self, limit: int) -> str:
        """Return the statement of a page of so many cases; its arguments are in ``arguments``."""
        direction = "DESC" if self._descends else "ASC"
        first = "priority DESC, " if self._priority else ""
        order = f"{first}{self._order_column} {direction}, {self._key_table}.case_id {direction}"
        begin = list(self._begin())
        join = ""
        if self._walked:
            newest = (
                f"SELECT * FROM case_words AS indexed WHERE {' AND '.join(begin)} ORDER BY {order} LIMIT {self._walked}"
            )
            join, begin = f"JOIN ({newest}) AS indexed USING (case_id)", []
        elif self._by_words:
            join = "JOIN case_words AS indexed USING (case_id)"
        conditions = [*begin, *self._conditions()]
        return f"""
              WITH page AS MATERIALIZED (
                   SELECT {self._key_table}.case_id, {self._priority or 0} AS priority
                     FROM {self._table} AS listed {join}
                    WHERE {" AND ".join(conditions)}
                    ORDER BY {order}
                    LIMIT {self.arguments.add(limit)}
              )
            SELECT {CASE_COLUMNS}, page.priority
              FROM page
              JOIN case_row USING (case_id)
             ORDER BY {first}{"reported_at" if self._filter.by_report else "due_at"} {direction}, case_id {direction}
        """

    def count_text(self, most: int) -> str:
        """Return the statement that counts a list, up to so many cases."""
        join = "JOIN case_words AS indexed USING (case_id)" if self._by_words else ""
        return f"""
            SELECT count(*)
              FROM (SELECT
                      FROM {self._table} AS listed {join}
                     WHERE {" AND ".join([*self._begin(), *self._conditions()])}
                     LIMIT {self.arguments.add(most)}) AS found
        """

    @property
    def _table(self) -> str:
        return "active_case" if is_active(self._filter) else "case_row"

    @property
    def _key_table(self) -> str:
        return "indexed" if self._by_words else "listed"

    @property
    def _order_column(self) -> str:
        return f"{self._key_table}.reported_at" if self._filter.by_report else "listed.due_at"

    @property
    def _descends(self) -> bool:
        return self._filter.by_report and self._filter.newest_first

    def _begin(self) -> Iterator[str]:
        """Yield where the list begins, by the columns of its order."""
        if self._by_words:
            yield f"indexed.city = {self.arguments.add(self._scope.city)}"
        if (key := _decode(self._filter.after)) is not None:
            beyond = "<" if self._descends else ">"
            position = f"({self.arguments.add(key.at)}, {self.arguments.add(key.case_id)})"
            is_beyond = f"({self._order_column}, {self._key_table}.case_id) {beyond} {position}"
            if self._priority:
                priority = self.arguments.add(key.priority)
                is_beyond = f"({self._priority} < {priority} OR ({self._priority} = {priority} AND {is_beyond}))"
            yield is_beyond

    def _conditions(self) -> Iterator[str]:
        queue_filter, scope = self._filter, self._scope
        yield from scope.conditions(self.arguments.add)
        condition = QUEUE_CONDITIONS[queue_filter.queue]
        values = {"now": scope.now, "soon": scope.now + queue_filter.soon}
        yield condition.format(
            **{name: self.arguments.add(value) for name, value in values.items() if f"{{{name}}}" in condition}
        )
        for name in ("status", "department", "class_code", "district", "street", "source"):
            if (value := getattr(queue_filter, name)) is not None:
                yield f"listed.{name} = {self.arguments.add(value)}"
        if needed := list(queue_filter.marks()):
            yield f"listed.marks @> {self.arguments.add(needed)}::text[]"
        if queue_filter.helper is not None:
            yield f"{self.arguments.add(queue_filter.helper)} = ANY(listed.helpers)"
        if queue_filter.complaint:
            yield "EXISTS (SELECT FROM unnest(listed.marks) AS mark WHERE mark LIKE 'complaint=%')"
        if scope.grid_places:
            places = self.arguments.add(sorted(scope.grid_places))
            yield f"(listed.street = ANY({places}::text[]) OR listed.community = ANY({places}::text[]))"
        if (number := queue_filter.number) is not None:
            # A number by a city's pattern has capitals, the first digits of a case's id have none.
            ranges = [
                f"number >= {self.arguments.add(each)} AND number < {self.arguments.add(each + end)}"
                for each, end in {number: "g", number.upper(): "G"}.items()
            ]
            yield f"({' OR '.join(ranges)})"
        if self._by_words:
            yield from self._word_conditions()

    def _word_conditions(self) -> Iterator[str]:
        facets = facets_in(self._scope, self._filter)
        plain = [word for term in self._terms if not term.facets for word in term.words]
        needed = [*plain, *(each[0] for each in facets if len(each) == 1)]
        if needed:
            yield f"words @> {self.arguments.add(needed)}::text[]"
        yield from (f"words && {self.arguments.add(each)}::text[]" for each in facets if len(each) > 1)
        for term in self._terms:
            if term.facets:
                yield from self._named_conditions(term)

    def _named_conditions(self, term: SearchTerm) -> Iterator[str]:
        """Yield the conditions of a term that is a name: one for the index, and one that checks with the case itself.

        In one condition, of two tables, the index would serve neither its words nor its facets.
        """
        add = self.arguments.add
        columns = (
            *((f"listed.{level}", term.codes.places) for level in ("district", "street", "community")),
            ("listed.department", term.codes.departments),
            ("listed.class_code", term.codes.classes),
        )
        fits = [f"{column} = ANY({add(list(codes))}::text[])" for column, codes in columns if codes]
        if term.codes.departments:
            fits.append(f"listed.helpers && {add(list(term.codes.departments))}::text[]")
        by_words = f"words @> {add(list(term.words))}::text[]"
        yield f"({by_words} OR words && {add(term.facets)}::text[])"
        yield f"({by_words} OR {' OR '.join(fits)})"


def is_active(queue_filter: QueueFilter) -> bool:
    """Return whether a list holds none but cases that are open or await a call."""
    if queue_filter.queue == "requests":
        return False
    return queue_filter.queue != "all" or queue_filter.status not in (None, *_ENDED)


def facets_in(scope: Scope, queue_filter: QueueFilter) -> list[list[str]]:
    """Return by which facets a list is found: one of all cases, or one by words."""
    if queue_filter.number or (is_active(queue_filter) and not queue_filter.word_list):
        return []
    grid = [place_facets(scope.grid_places)] if scope.grid_places else []
    return [*queue_filter.facets(), *scope.facets(), *grid]


def may_walk(scope: Scope, queue_filter: QueueFilter) -> bool:
    """Return whether a list's first cases may well be among the first of all."""
    return queue_filter.by_report and bool(queue_filter.word_list or facets_in(scope, queue_filter))


def _decode(cursor: str | None) -> QueueKey | None:
    try:
        return CURSORS.decode(cursor) if cursor else None
    except InvalidCursor:
        return None
