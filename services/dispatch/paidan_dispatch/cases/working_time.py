"""How limits are counted out: by the clock for urgent units, through the city's working hours for the others."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate
from typing import Final, Self
from zoneinfo import ZoneInfo

from paidan_contracts.city.calendar import CalendarEnded, WorkingCalendar
from paidan_contracts.city.pack_types import Limit

_BY_THE_CLOCK: Final = {
    "urgent_minute": timedelta(minutes=1),
    "urgent_hour": timedelta(hours=1),
    "urgent_day": timedelta(days=1),
}
_HOUR: Final = timedelta(hours=1)
_END_OF_TIME: Final = datetime(2200, 1, 1, tzinfo=UTC)
"""No moment that may be said on a topic lies beyond it."""


@dataclass(frozen=True, slots=True, eq=False)
class Clock:
    """A city's working time, shift by shift, in UTC: a change to summer time moves shifts, not what they are worth."""

    begins: list[datetime]
    ends: list[datetime]
    worked_before: list[timedelta]
    worked_after: list[timedelta]
    first: datetime
    last: date
    working_day: timedelta

    @classmethod
    def of(cls, calendar: WorkingCalendar) -> Self:
        """Index a calendar once; each deadline is then two binary searches."""
        spans = _shifts(calendar)
        worked = list(accumulate((end - begin for begin, end in spans), initial=timedelta()))
        return cls(
            begins=[begin for begin, _ in spans],
            ends=[end for _, end in spans],
            worked_before=worked[:-1],
            worked_after=worked[1:],
            first=_utc(calendar.first, time.min, calendar.zone),
            last=calendar.last,
            working_day=calendar.hours_per_day,
        )

    def deadline(self, start: datetime, limit: Limit) -> datetime:
        """Say when a limit that begins at an aware time ends; in UTC. What is done at that very moment is in time.

        Raises ``CalendarEnded`` where working time is needed that the table does not have; it never guesses.
        """
        began = start.astimezone(UTC)
        unit = _BY_THE_CLOCK.get(limit.unit)
        if unit is not None:
            return _within_time(began + limit.amount * unit)
        return self._work_off(began, limit.amount * (_HOUR if limit.unit == "working_hour" else self.working_day))

    def _work_off(self, began: datetime, amount: timedelta) -> datetime:
        if began < self.first:
            raise CalendarEnded(f"{began} lies before the working calendar")
        target = self._worked_until(began) + amount
        # The first shift that reaches the target: what ends with a shift is due then, not when the next begins.
        shift = bisect_left(self.worked_after, target)
        if shift == len(self.worked_after):
            raise CalendarEnded(f"{amount} of working time from {began} on is more than there is until {self.last}")
        return self.begins[shift] + (target - self.worked_before[shift])

    def _worked_until(self, at: datetime) -> timedelta:
        shift = bisect_right(self.begins, at) - 1
        if shift < 0:
            return timedelta()
        return self.worked_before[shift] + (min(at, self.ends[shift]) - self.begins[shift])


def _shifts(calendar: WorkingCalendar) -> list[tuple[datetime, datetime]]:
    days = [calendar.first + timedelta(days=number) for number, worked in enumerate(calendar.worked) if worked]
    zone = calendar.zone
    return [(_utc(day, begin, zone), _utc(day, end, zone)) for day in days for begin, end in calendar.shifts]


def _utc(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, tzinfo=zone).astimezone(UTC)


def _within_time(at: datetime) -> datetime:
    if at >= _END_OF_TIME:
        raise CalendarEnded(f"{at} lies beyond every calendar")
    return at
