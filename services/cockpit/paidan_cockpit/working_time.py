"""Working time that is left until a time, by the city's calendar. Pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from paidan_contracts.city.calendar import CalendarExhausted, WorkingCalendar

_MAX_DAYS: Final = 400


def working_time_between(calendar: WorkingCalendar, begin: datetime, end: datetime) -> timedelta | None:
    """Return the working time between two times; None where the calendar does not reach that far."""
    if end <= begin:
        return timedelta()
    if (end - begin).days > _MAX_DAYS:
        return None
    try:
        return sum(_worked(calendar, begin, end), timedelta())
    except CalendarExhausted:
        return None


def _worked(calendar: WorkingCalendar, begin: datetime, end: datetime) -> Iterator[timedelta]:
    day, last = begin.astimezone(calendar.zone).date(), end.astimezone(calendar.zone).date()
    while day <= last:
        if calendar.is_working_day(day):
            for shift_begin, shift_end in calendar.shifts:
                opens = max(datetime.combine(day, shift_begin, calendar.zone), begin)
                closes = min(datetime.combine(day, shift_end, calendar.zone), end)
                yield max(closes - opens, timedelta())
        day += timedelta(days=1)
