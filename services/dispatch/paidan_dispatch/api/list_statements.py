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
from paidan_dispatch.api import list_templates as templates
from paidan_dispatch.api.case_filter import CaseFilter, PendingRequest, ascii_lower
from paidan_dispatch.api.like_patterns import class_pattern, place_pattern

Add = Callable[[object], str]
"""Adds an argument, and returns the parameter that stands for it."""

ENDED_STATUSES: Final[frozenset[Status]] = frozenset({"closed", "voided", "not_accepted"})
WALKED_PAGES: Final = 50
"""How many times a page's cases are looked at in order of time before the facets of all ended ones are asked."""
MAX_WALKED: Final = 15_000
HIGHEST_PRIORITY: Final = 9
"""That a city's pack may give."""

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
        self._in_time = list(_in_time(case_filter, self._add))
        self._beyond = list(_beyond(case_filter, beyond, self._add))
        is_queue = numbered is None and (stages == [False] or has_own_index) and not case_filter.not_called_back
        parts: list[str] = []
        for city in cities:
            of_city = f"city = {self._add(city)}"
            if is_queue:
                parts += self._queue(of_city, stages)
            else:
                parts += [self._part(of_city, is_ended=is_ended) for is_ended in stages]
        patterns = [_word_pattern(each) for each in case_filter.words]
        event = templates.EVENT_WITH_WORDS.format(patterns=self._add(patterns)) if patterns else "event"
        self.text = templates.PAGE.format(parts=" UNION ALL ".join(parts), event=event, **self._clauses)

    def _add(self, value: object) -> str:
        self.arguments.append(value)
        return f"${len(self.arguments)}{_CASTS.get(type(value), '')}"

    def _part(self, of_city: str, *, is_ended: bool) -> str:
        begin = " AND ".join([_stage(is_ended=is_ended), of_city, *self._in_time, *self._beyond])
        if is_ended and self._facets:
            return templates.PART_BY_FACETS.format(
                in_order=begin, tests=self._tests, facets=self._facets, walked=self._walked, **self._clauses
            )
        return templates.PART.format(conditions=f"{begin} AND {self._tests}", priority="NULL::integer", **self._clauses)

    def _queue(self, of_city: str, stages: Sequence[bool]) -> Iterator[str]:
        """Yield the parts of a queue: the prioritised cases from where the page begins, then the others."""
        after = self._filter.after
        conditions = [of_city, *self._in_time, self._tests]
        is_open, is_first, beyond = _stage(is_ended=False), after is None, self._beyond
        if after is not None and after.priority is not None:
            level = f"priority = {self._add(after.priority)}"
            first = " AND ".join([is_open, level, *beyond, *conditions])
            yield templates.PART.format(conditions=first, priority="priority", **self._clauses)
            is_first, beyond = True, []
        if is_first:
            highest = self._add(HIGHEST_PRIORITY if after is None else (after.priority or 1) - 1)
            lower = " AND ".join([is_open, *conditions])
            yield templates.PRIORITISED_PART.format(conditions=lower, highest=highest, **self._clauses)
        for is_ended in stages:
            rest = [_stage(is_ended=is_ended), *beyond, *conditions, *([] if is_ended else ["priority IS NULL"])]
            yield templates.PART.format(conditions=" AND ".join(rest), priority="NULL::integer", **self._clauses)


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


def _stage(*, is_ended: bool) -> str:
    return "ended_at IS NOT NULL" if is_ended else "ended_at IS NULL"


def _in_time(case_filter: CaseFilter, add: Add) -> Iterator[str]:
    """Yield the conditions by the time of the first report."""
    if case_filter.reported_from is not None:
        yield f"reported_at >= {add(case_filter.reported_from)}"
    if case_filter.reported_until is not None:
        yield f"reported_at < {add(case_filter.reported_until)}"


def _beyond(case_filter: CaseFilter, beyond: str, add: Add) -> Iterator[str]:
    """Yield the condition of what is beyond the last case of the page before."""
    if case_filter.after is not None:
        at, case_id, _ = case_filter.after
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
