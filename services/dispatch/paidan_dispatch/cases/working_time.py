"""A city's working time: when a limit ends."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate
from typing import Final, Self, TypeAlias
from zoneinfo import ZoneInfo

from paidan_contracts.city.calendar import CalendarExhausted, WorkingCalendar
from paidan_contracts.city.pack_types import TimeLimit

_CLOCK_UNITS: Final = {
    "urgent_minute": timedelta(minutes=1),
    "urgent_hour": timedelta(hours=1),
    "urgent_day": timedelta(days=1),
}


PartOfTime: TypeAlias = Callable[[datetime, datetime, float], datetime]


_HOUR: Final = timedelta(hours=1)


_LATEST_TIME: Final = datetime(2200, 1, 1, tzinfo=UTC)
"""Timestamps on topics lie before it."""


@dataclass(frozen=True, slots=True, eq=False)
class WorkingTime:
    """A city's working time, shift by shift, in UTC: a change to summer time moves shifts but not their length."""

    shift_starts: list[datetime]
    shift_ends: list[datetime]
    worked_before: list[timedelta]
    worked_after: list[timedelta]
    starts_at: datetime
    last_day: date
    working_day: timedelta

    @classmethod
    def from_calendar(cls, calendar: WorkingCalendar) -> Self:
        """Index a calendar once; each deadline is then two binary searches."""
        shifts = _shifts(calendar)
        worked = list(accumulate((end - begin for begin, end in shifts), initial=timedelta()))
        return cls(
            shift_starts=[begin for begin, _ in shifts],
            shift_ends=[end for _, end in shifts],
            worked_before=worked[:-1],
            worked_after=worked[1:],
            starts_at=_utc(calendar.first, time.min, calendar.zone),
            last_day=calendar.last,
            working_day=calendar.hours_per_day,
        )

    def deadline(self, start: datetime, limit: TimeLimit) -> datetime:
        """Return the end, in UTC, of a limit that begins at an aware time; what happens at that instant is in time.

        Raises ``CalendarExhausted`` where the calendar's table does not cover the working time needed.
        """
        start_utc = start.astimezone(UTC)
        unit = _CLOCK_UNITS.get(limit.unit)
        if unit is not None:
            return _require_representable(start_utc + limit.amount * unit)
        return self._add_working_time(
            start_utc, limit.amount * (_HOUR if limit.unit == "working_hour" else self.working_day)
        )

    def left(self, at: datetime, due_at: datetime, *, working: bool) -> timedelta:
        """Return what is left at a time of a limit: working time, or all hours."""
        if not working or due_at >= self.shift_ends[-1]:
            return due_at - at
        return self._worked_until(due_at.astimezone(UTC)) - self._worked_until(at.astimezone(UTC))

    def after(self, at: datetime, left: timedelta, *, working: bool) -> datetime:
        """Return when so much time is over that begins at a time. Raises ``CalendarExhausted``."""
        start_utc = at.astimezone(UTC)
        return self._add_working_time(start_utc, left) if working else _require_representable(start_utc + left)

    def part_until(self, start: datetime, end: datetime, share: float) -> datetime:
        """Return when this share of the working time between two times is over; of all time where there is none."""
        worked = self._worked_until(end.astimezone(UTC)) - self._worked_until(start.astimezone(UTC))
        if start < self.starts_at or not worked:
            return start + (end - start) * share
        return self._add_working_time(start.astimezone(UTC), worked * share)

    def _add_working_time(self, start_utc: datetime, amount: timedelta) -> datetime:
        if start_utc < self.starts_at:
            raise CalendarExhausted(f"{start_utc} lies before the working calendar")
        target = self._worked_until(start_utc) + amount
        # The first shift that reaches the target: what ends with a shift is due then, not when the next begins.
        shift = bisect_left(self.worked_after, target)
        if shift == len(self.worked_after):
            raise CalendarExhausted(
                f"{amount} of working time from {start_utc} on is more than there is until {self.last_day}"
            )
        return self.shift_starts[shift] + (target - self.worked_before[shift])

    def _worked_until(self, at: datetime) -> timedelta:
        shift = bisect_right(self.shift_starts, at) - 1
        if shift < 0:
            return timedelta()
        return self.worked_before[shift] + (min(at, self.shift_ends[shift]) - self.shift_starts[shift])


def is_working_time(limit: TimeLimit) -> bool:
    """Return whether a limit counts working time; an urgent one runs on at night and on holidays."""
    return limit.unit not in _CLOCK_UNITS


def _shifts(calendar: WorkingCalendar) -> list[tuple[datetime, datetime]]:
    days = [calendar.first + timedelta(days=number) for number, worked in enumerate(calendar.working_days) if worked]
    zone = calendar.zone
    return [(_utc(day, begin, zone), _utc(day, end, zone)) for day in days for begin, end in calendar.shifts]


def _utc(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, tzinfo=zone).astimezone(UTC)


def _require_representable(at: datetime) -> datetime:
    if at >= _LATEST_TIME:
        raise CalendarExhausted(f"{at} lies beyond every calendar")
    return at
