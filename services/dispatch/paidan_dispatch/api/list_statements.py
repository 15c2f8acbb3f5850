"""Statements of lists of cases, put together from constants; every value is an argument.

Each city's open and ended cases are a part of its own, for each has its index by time: queues never scan ended cases.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final, get_args

from paidan_contracts.state import Status
from paidan_contracts.time_limits import RequestKind
from paidan_dispatch.api.case_filter import CaseFilter, PendingRequest, ascii_lower
from paidan_dispatch.api.like_patterns import class_pattern, place_pattern

Add = Callable[[object], str]
"""Adds an argument, and returns the parameter that stands for it."""

ENDED_STATUSES: Final[frozenset[Status]] = frozenset({"closed", "voided", "not_accepted"})
WALKED_PAGES: Final = 50
"""How many times a page's cases are looked at in order of time before the facets of all ended ones are asked."""
MAX_WALKED: Final = 15_000

_PART: Final = """
    (SELECT reported_at, case_id, version
       FROM case_now
      WHERE {conditions}
      ORDER BY reported_at {order}, case_id {order}
      LIMIT {limit})
"""
# What is common is found among the first cases by time, what is rare by the facets: of what is so rare that the first
# hold no page of it, there are not many in all. The index of facets is asked for the cases beyond those alone, and only
# where there are any. In one statement, so that both see the same moment.
_PART_BY_FACETS: Final = """
    (WITH found AS MATERIALIZED (
          SELECT reported_at, case_id, version
            FROM (SELECT *
                    FROM case_now
                   WHERE {in_order}
                   ORDER BY reported_at {order}, case_id {order}
                   LIMIT {walked}) AS walked
           WHERE {tests}
           LIMIT {limit}
     ), walked_to AS MATERIALIZED (
          SELECT reported_at, case_id
            FROM case_now
           WHERE {in_order}
           ORDER BY reported_at {order}, case_id {order}
          OFFSET {walked} - 1
           LIMIT 1
     ), is_short AS MATERIALIZED (
          SELECT (SELECT count(*) FROM found) < {limit} AND EXISTS (SELECT FROM walked_to) AS holds
     )
     SELECT * FROM found
      UNION ALL
     SELECT *
       FROM (SELECT reported_at, case_id, version
               FROM case_now
              WHERE (SELECT holds FROM is_short)
                AND {in_order}
                AND {facets}
                AND {tests}
                AND (reported_at, case_id) {beyond} (SELECT reported_at, case_id FROM walked_to)
              ORDER BY reported_at {order}, case_id {order}
              LIMIT {limit}) AS rare)
"""
# The states of one page, after it is known which cases are on it.
_PAGE: Final = """
    SELECT reported_at, case_id, {event} AS event
      FROM (SELECT *
              FROM ({parts}) AS found
             ORDER BY reported_at {order}, case_id {order}
             LIMIT {limit}) AS page
      JOIN history USING (case_id, version)
     ORDER BY reported_at {order}, case_id {order}
"""
# Words are read in the events of the cases of one page, as they were published: there is no index of words.
_EVENT_WITH_WORDS: Final = """
    CASE WHEN lower(convert_from(event, 'UTF8') COLLATE "C") LIKE ALL({patterns}) THEN event END
"""
# No parameters, for only then does the planner use their partial indexes.
PENDING_CONDITIONS: Final[Mapping[PendingRequest, str]] = MappingProxyType(
    {
        "any": "pending_request IS NOT NULL",
        **{kind: f"pending_request IS NOT NULL AND pending_request = '{kind}'" for kind in get_args(RequestKind)},
    }
)
# True of every case: clocks are indexed by partition.
_IN_ANY_PARTITION: Final = "lane = ANY(ARRAY(SELECT DISTINCT lane FROM lane_city))"
_LITERALLY: Final = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})
_FACETS: Final = "case_facets(source, class_code, department, places, answerable, status)"


class CasePageStatement:
    """The statement of one page of the cases of some cities, and its arguments."""

    def __init__(
        self, case_filter: CaseFilter, cities: Sequence[str], numbered: Collection[str] | None, walked: int
    ) -> None:
        self.arguments: list[object] = []
        self._filter = case_filter
        self._tests = " AND ".join(["true", *_tests(case_filter, self._add)])
        if numbered is not None:
            self._tests += f" AND case_id = ANY({self._add(list(numbered))}::text[])"
        stages = _stages(case_filter)
        has_own_index = numbered is not None or any(True for _ in _queue_conditions(case_filter))
        by_facets = True in stages and not has_own_index
        self._facets = " AND ".join(_facet_conditions(case_filter, self._add)) if by_facets else ""
        self._walked = self._add(walked) if self._facets else ""
        self._limit = self._add(case_filter.limit)
        order, beyond = ("ASC", ">") if case_filter.oldest_first else ("DESC", "<")
        self._clauses = {"order": order, "beyond": beyond, "limit": self._limit}
        in_time = list(_in_time(case_filter, beyond, self._add))
        parts = [
            self._part(is_ended=is_ended, in_order=[f"city = {self._add(city)}", *in_time])
            for city in cities
            for is_ended in stages
        ]
        patterns = [_word_pattern(each) for each in case_filter.words]
        event = _EVENT_WITH_WORDS.format(patterns=self._add(patterns)) if patterns else "event"
        self.text = _PAGE.format(parts=" UNION ALL ".join(parts), event=event, **self._clauses)

    def _add(self, value: object) -> str:
        self.arguments.append(value)
        return f"${len(self.arguments)}{_CASTS.get(type(value), '')}"

    def _part(self, *, is_ended: bool, in_order: Sequence[str]) -> str:
        stage = "ended_at IS NOT NULL" if is_ended else "ended_at IS NULL"
        begin = " AND ".join([stage, *in_order])
        if is_ended and self._facets:
            return _PART_BY_FACETS.format(
                in_order=begin, tests=self._tests, facets=self._facets, walked=self._walked, **self._clauses
            )
        return _PART.format(conditions=f"{begin} AND {self._tests}", **self._clauses)


_CASTS: Final[Mapping[type, str]] = MappingProxyType(
    {str: "::text", datetime: "::timestamptz", int: "::bigint", list: "::text[]"}
)


def _stages(case_filter: CaseFilter) -> list[bool]:
    """Return whether to list ended cases, open ones, or both."""
    by_clock = case_filter.due_before is not None or case_filter.due_soon or case_filter.in_time
    if by_clock or case_filter.level or case_filter.planned or case_filter.verifier:
        return [False]
    ended = {status in ENDED_STATUSES for status in case_filter.statuses}
    return sorted(ended) or [False, True]


def _in_time(case_filter: CaseFilter, beyond: str, add: Add) -> Iterator[str]:
    """Yield the conditions by the columns of the order."""
    if case_filter.reported_from is not None:
        yield f"reported_at >= {add(case_filter.reported_from)}"
    if case_filter.reported_until is not None:
        yield f"reported_at < {add(case_filter.reported_until)}"
    if case_filter.after is not None:
        at, case_id = case_filter.after
        yield f"(reported_at, case_id) {beyond} ({add(at)}, {add(case_id)})"


def _tests(case_filter: CaseFilter, add: Add) -> Iterator[str]:
    """Yield the conditions that a case itself must fulfil."""
    if case_filter.statuses:
        yield f"status = ANY({add(list(case_filter.statuses))})"
    for name in ("area", "department", "class_code", "level", "source"):
        if (value := getattr(case_filter, name)) is not None:
            yield f"{name} = {add(value)}"
    if case_filter.place is not None:
        yield f"places LIKE {add(place_pattern(case_filter.place))}"
    for places in filter(None, (case_filter.within_places, case_filter.grid_places)):
        yield f"places LIKE ANY({add([place_pattern(each) for each in places])})"
    if case_filter.within_classes:
        yield f"class_code LIKE ANY({add([class_pattern(each) for each in case_filter.within_classes])})"
    named = [] if case_filter.verifier is None else [f"verifier={case_filter.verifier}"]
    for each in (*case_filter.answered_by, *named):
        yield f"strpos(answerable, {add(f' {each} ')}) > 0"
    if case_filter.due_before is not None:
        yield f"next_due_at < {add(case_filter.due_before)}"
    yield from _queue_conditions(case_filter)


def _queue_conditions(case_filter: CaseFilter) -> Iterator[str]:
    """Yield the conditions of queues, each of which has an index of its own."""
    simple = {
        "awaits_call": case_filter.not_called_back,
        "held": case_filter.held,
        "overdue": case_filter.overdue,
        "due_soon": case_filter.due_soon,
        # What is filed waits for a department, or for its date in the construction plan.
        "status = 'filed' AND NOT held AND NOT past": case_filter.planned,
        "status = 'received'": case_filter.verifier is not None,
    }
    yield from (condition for condition, is_asked in simple.items() if is_asked)
    if case_filter.pending is not None:
        yield PENDING_CONDITIONS[case_filter.pending]
    if case_filter.in_time:
        yield "next_due_at IS NOT NULL AND NOT overdue AND NOT due_soon"
    if case_filter.level is not None:
        yield "level IS NOT NULL"
    if case_filter.due_before is not None:
        yield _IN_ANY_PARTITION


def _facet_conditions(case_filter: CaseFilter, add: Add) -> Iterator[str]:
    """Yield conditions that hold of every case that is asked for, by the facets of ended ones. There may be none."""
    named = ("source", case_filter.source), ("class", case_filter.class_code), ("department", case_filter.department)
    every = [f"{name}={value}" for name, value in (*named, ("place", case_filter.place)) if value is not None]
    every += case_filter.answered_by
    if every:
        yield f"{_FACETS} @> {add(every)}"
    some = [[f"place={each}" for each in places] for places in (case_filter.within_places, case_filter.grid_places)]
    some.append([f"class={each[0]}*" if "*" in each else f"class={each}" for each in case_filter.within_classes])
    if case_filter.statuses and "closed" not in case_filter.statuses:
        some.append([f"status={each}" for each in case_filter.statuses])
    for facets in some:
        if facets and "class=**" not in facets:
            yield f"{_FACETS} && {add(facets)}"


def _word_pattern(word: str) -> str:
    """Return the pattern of an event that has a word somewhere, as JSON writes it: of some that lack it, too."""
    written = json.dumps(word, ensure_ascii=False)[1:-1]
    return f"%{ascii_lower(written).translate(_LITERALLY)}%"
