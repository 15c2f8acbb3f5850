"""The working calendar: working days and working hours. Deadlines are computed by dispatch."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from pydantic import Field

from paidan_contracts.city.pack_types import Name, PackModel, Text


class CalendarExhausted(Exception):
    """The working calendar does not contain that day: publish a pack with the next year's dates."""


class Shift(PackModel):
    """Working hours without a break, such as 08:00 to 12:00."""

    begin: time
    end: time


class CalendarDay(PackModel):
    """One date of the calendar."""

    date: date
    working: bool
    note: Name | None = Field(default=None, description="春节, make-up day for ..., Thanksgiving.")


class Calendar(PackModel):
    """Every date from the first to the last, each a working day or not.

    ``first`` and ``last`` are stated apart from the table, so that a truncated table is noticed.
    """

    first: date
    last: date = Field(description="The last published date; no deadline can be later.")
    shifts: tuple[Shift, ...] = Field(min_length=1, description="In order, the same on every working day.")
    source: Text = Field(
        description="Who published the dates, and the data set that they were taken from, with its version."
    )
    days: tuple[CalendarDay, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class WorkingCalendar:
    """The look-ups of a calendar: by local date, and by time with a zone."""

    zone: ZoneInfo
    shifts: tuple[tuple[time, time], ...]
    first: date
    working_days: tuple[bool, ...]

    @classmethod
    def of(cls, calendar: Calendar, zone: ZoneInfo) -> Self:
        """Build the look-ups of a valid pack's calendar."""
        return cls(
            zone=zone,
            shifts=tuple((shift.begin, shift.end) for shift in calendar.shifts),
            first=calendar.days[0].date,
            working_days=tuple(day.working for day in calendar.days),
        )

    @property
    def last(self) -> date:
        """The last date; look-ups of later ones raise ``CalendarExhausted``."""
        return self.first + timedelta(days=len(self.working_days) - 1)

    @property
    def hours_per_day(self) -> timedelta:
        """The working time of one working day (工作日)."""
        return sum((_duration(begin, end) for begin, end in self.shifts), timedelta())

    def is_working_day(self, day: date) -> bool:
        """Return whether a local date is a working day; raise ``CalendarExhausted`` outside the table."""
        index = (day - self.first).days
        if not 0 <= index < len(self.working_days):
            raise CalendarExhausted(f"{day} is not in the working calendar ({self.first} to {self.last})")
        return self.working_days[index]

    def is_working_time(self, at: datetime) -> bool:
        """Return whether a time with a zone lies within working hours."""
        local = at.astimezone(self.zone)
        return self.is_working_day(local.date()) and any(begin <= local.time() < end for begin, end in self.shifts)

    def local_day(self, at: datetime) -> date:
        """Return the city's date at a time with a zone: the day on which a report is counted."""
        return at.astimezone(self.zone).date()


def _duration(begin: time, end: time) -> timedelta:
    return timedelta(hours=end.hour - begin.hour, minutes=end.minute - begin.minute)
