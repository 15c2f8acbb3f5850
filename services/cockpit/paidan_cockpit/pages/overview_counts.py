"""Figures of the overview, computed from counted groups of cases. Pure."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from typing import Final, NamedTuple

SOON: Final = timedelta(hours=24)
"""How soon a due time is soon, on the overview."""
_WEEK: Final = timedelta(days=7)


class OpenGroup(NamedTuple):
    """Counts of the open cases that have all of this in common."""

    department: str | None
    district: str | None
    street: str | None
    status: str
    open: int
    overdue: int
    due_soon: int


@dataclass(frozen=True, slots=True)
class Load:
    """Open cases of one queue, place or whole city: every case is open, and perhaps overdue or due soon."""

    key: str | None
    open: int = 0
    overdue: int = 0
    due_soon: int = 0

    @property
    def light(self) -> str:
        """The traffic light: `late` where anything is overdue, `soon` where anything will be, else `calm`."""
        return "late" if self.overdue else "soon" if self.due_soon else "calm"

    def plus(self, group: OpenGroup) -> "Load":
        """Return this load with a group added."""
        return Load(self.key, self.open + group.open, self.overdue + group.overdue, self.due_soon + group.due_soon)


def total_load(groups: Iterable[OpenGroup]) -> Load:
    """Return the load of all groups together."""
    load = Load(None)
    for group in groups:
        load = load.plus(group)
    return load


def loads_by(groups: Iterable[OpenGroup], key_of: Callable[[OpenGroup], str | None]) -> list[Load]:
    """Return loads by a key, the worst first: most overdue, then most due soon, then most open."""
    loads: dict[str | None, Load] = {}
    for group in groups:
        key = key_of(group)
        loads[key] = loads.get(key, Load(key)).plus(group)
    return sorted(loads.values(), key=lambda load: (-load.overdue, -load.due_soon, -load.open, load.key or ""))


class HourCount(NamedTuple):
    """How many reports of a source came within an hour of the day; of a part of a city, how many new cases."""

    source: str
    hour: int
    cases: int


@dataclass(frozen=True, slots=True)
class Days:
    """Today, and the same weekday a week before, up to the same time of day; local days may have 23 or 25 hours."""

    begin: datetime
    now: datetime
    before_begin: datetime
    before_now: datetime
    before_end: datetime

    @classmethod
    def of(cls, now: datetime, zone: tzinfo) -> "Days":
        """Return the days that are compared at a time."""
        local = now.astimezone(zone)
        midnight = datetime.combine(local.date(), time(), zone)
        return cls(
            begin=midnight,
            now=now,
            before_begin=midnight - _WEEK,
            before_now=local - _WEEK,
            before_end=midnight - _WEEK + timedelta(days=1),
        )


@dataclass(frozen=True, slots=True)
class SourceDay:
    """What a source opened today until now, a week before until the same time, and on that whole day."""

    source: str
    today: int
    before: int
    before_all_day: int

    @property
    def change(self) -> int | None:
        """The difference in percent; None where there was nothing to compare with."""
        return round((self.today - self.before) * 100 / self.before) if self.before else None


def source_days(
    today: Iterable[HourCount], before: Iterable[HourCount], before_all_day: Iterable[HourCount], sources: Iterable[str]
) -> list[SourceDay]:
    """Return every source's day; sources of the pack in its order, unknown ones after them."""
    sums = [_by_source(each) for each in (today, before, before_all_day)]
    named = list(dict.fromkeys([*sources, *sorted(set().union(*sums))]))
    return [SourceDay(source, *(each.get(source, 0) for each in sums)) for source in named]


def hourly_totals(counts: Iterable[HourCount], hours: int = 24) -> list[int]:
    """Return how many cases were opened in each hour of a day; a 25th hour counts with the last."""
    totals = [0] * hours
    for count in counts:
        totals[min(count.hour, hours - 1)] += count.cases
    return totals


def is_silent(last_report: datetime | None, silent_after_min: int | None, now: datetime) -> bool:
    """Return whether a source has sent nothing for longer than its pack allows."""
    if silent_after_min is None:
        return False
    return last_report is None or now - last_report > timedelta(minutes=silent_after_min)


def _by_source(counts: Iterable[HourCount]) -> Mapping[str, int]:
    sums: dict[str, int] = defaultdict(int)
    for count in counts:
        sums[count.source] += count.cases
    return sums


def sum_days(days: Sequence[SourceDay]) -> SourceDay:
    """Return all sources together."""
    return SourceDay(
        "", sum(day.today for day in days), sum(day.before for day in days), sum(day.before_all_day for day in days)
    )
