"""A city's calendar as months that one can read: which days are worked, and what the others are called. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Final, Literal

from babel.dates import format_date, get_day_names

from paidan_cockpit.settings import Language
from paidan_contracts.city.calendar import Calendar, CalendarDay

DayKind = Literal["worked", "free", "holiday", "made_up"]
"""``holiday``: free although its weekday is worked; ``made_up``: worked although its weekday is free."""
_SATURDAY: Final = 5
_MONTH_FORMATS: Final[Mapping[Language, str]] = {"zh": "y年M月", "en": "MMMM y"}
_DAYS_OF_WEEK: Final = 7


@dataclass(frozen=True, slots=True)
class MonthDay:
    """A day of a month; ``kind`` None: beyond the published dates."""

    day: int
    kind: DayKind | None
    note: str | None
    is_today: bool


@dataclass(frozen=True, slots=True)
class Month:
    """A month in weeks that begin with Monday; None where a week reaches into another month."""

    name: str
    begin: date
    weeks: Sequence[Sequence[MonthDay | None]]
    working_days: int
    notes: Sequence[str]
    """The named days: `1-3 New Year's Day`."""


def kind_of(day: CalendarDay) -> DayKind:
    """Return what a day is, beside its weekday."""
    is_weekend = day.date.weekday() >= _SATURDAY
    if day.working:
        return "made_up" if is_weekend else "worked"
    return "free" if is_weekend else "holiday"


def months_of(calendar: Calendar, language: Language, today: date) -> list[Month]:
    """Return the months of all published days."""
    days = sorted(calendar.days, key=lambda each: each.date)
    return [
        _month(list(of_month), language, today)
        for _, of_month in groupby(days, key=lambda each: (each.date.year, each.date.month))
    ]


def weekday_names(language: Language) -> list[str]:
    """Return the short names of the days of a week, Monday first."""
    names = get_day_names("abbreviated", locale=language)
    return [str(names[number]) for number in range(_DAYS_OF_WEEK)]


def _month(days: Sequence[CalendarDay], language: Language, today: date) -> Month:
    begin = days[0].date.replace(day=1)
    cells: list[MonthDay | None] = [None] * begin.weekday()
    cells += [MonthDay(number, None, None, is_today=False) for number in range(1, days[0].date.day)]
    cells += [MonthDay(day.date.day, kind_of(day), day.note, is_today=day.date == today) for day in days]
    cells += [None] * (-len(cells) % _DAYS_OF_WEEK)
    return Month(
        name=format_date(begin, _MONTH_FORMATS[language], locale=language),
        begin=begin,
        weeks=[cells[at : at + _DAYS_OF_WEEK] for at in range(0, len(cells), _DAYS_OF_WEEK)],
        working_days=sum(day.working for day in days),
        notes=list(_notes(days)),
    )


def _notes(days: Sequence[CalendarDay]) -> Iterator[str]:
    """Yield named days, adjacent ones of one name together."""
    for note, run in groupby(days, key=lambda each: each.note):
        if note:
            named = list(run)
            first, last = named[0].date.day, named[-1].date.day
            yield f"{first} {note}" if first == last else f"{first}–{last} {note}"
