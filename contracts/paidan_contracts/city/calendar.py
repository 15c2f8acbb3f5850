"""The working calendar: which dates are worked, and at what hours. Limits are counted out by dispatch's clocks."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from pydantic import Field

from paidan_contracts.city.pack_types import Name, PackModel, Text


class CalendarExhausted(Exception):
    """The working calendar does not reach that day: publish a pack with the next year's dates."""


class Shift(PackModel):
    """Hours worked without a break, such as 08:00 to 12:00."""

    begin: time
    end: time


class CalendarDay(PackModel):
    """One date of the table."""

    date: date
    working: bool
    note: Name | None = Field(default=None, description="春节, make-up day for ..., Thanksgiving.")


class Calendar(PackModel):
    """Every date from the first to the last, with nothing left out, each said to be worked or not.

    ``first`` and ``last`` stand apart from the table, so that a table that lost its end is noticed.
    """

    first: date
    last: date = Field(description="The last date that has been published; no deadline can lie beyond it.")
    shifts: tuple[Shift, ...] = Field(min_length=1, description="In order, the same on every working day.")
    source: Text = Field(description="Who published the dates, and what they were seeded from with its version.")
    days: tuple[CalendarDay, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class WorkingCalendar:
    """A calendar as it is asked: by local date, and by aware time."""

    zone: ZoneInfo
    shifts: tuple[tuple[time, time], ...]
    first: date
    working_days: tuple[bool, ...]

    @classmethod
    def of(cls, calendar: Calendar, zone: ZoneInfo) -> Self:
        """Build the look-up from a pack's table, which has no holes."""
        return cls(
            zone=zone,
            shifts=tuple((shift.begin, shift.end) for shift in calendar.shifts),
            first=calendar.days[0].date,
            working_days=tuple(day.working for day in calendar.days),
        )

    @property
    def last(self) -> date:
        """The last date that is known; what lies beyond it raises ``CalendarEnded``."""
        return self.first + timedelta(days=len(self.working_days) - 1)

    @property
    def hours_per_day(self) -> timedelta:
        """How much working time an ordinary working day has: what one 工作日 is worth."""
        return sum((_duration(begin, end) for begin, end in self.shifts), timedelta())

    def is_working_day(self, day: date) -> bool:
        """Tell whether a local date is worked; raises ``CalendarEnded`` outside the table, never guesses."""
        index = (day - self.first).days
        if not 0 <= index < len(self.working_days):
            raise CalendarExhausted(f"{day} is not in the working calendar ({self.first} to {self.last})")
        return self.working_days[index]

    def is_working_time(self, at: datetime) -> bool:
        """Tell whether an aware time lies within working hours."""
        local = at.astimezone(self.zone)
        return self.is_working_day(local.date()) and any(begin <= local.time() < end for begin, end in self.shifts)

    def local_day(self, at: datetime) -> date:
        """Name the city's date of an aware time: the day a report counts in."""
        return at.astimezone(self.zone).date()


def _duration(begin: time, end: time) -> timedelta:
    return timedelta(hours=end.hour - begin.hour, minutes=end.minute - begin.minute)
