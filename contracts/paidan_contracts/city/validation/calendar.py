"""Checks the zone and the working calendar: a deadline that is counted out past its end stops a lane."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from paidan_contracts.city.diagnostics import Fault, Path
from paidan_contracts.city.pack import Pack


def check_calendar(pack: Pack) -> Iterator[Fault]:
    """Find a zone nobody knows, shifts out of order, and dates that are missing, doubled or out of order."""
    yield from check_zone(("zone",), pack.zone)
    yield from _check_shifts(pack)
    yield from _check_ends(pack)
    days = pack.calendar.days
    for index, (before, day) in enumerate(pairwise(days), start=1):
        path: Path = ("calendar", "days", index, "date")
        step = (day.date - before.date).days
        if step > 1:
            first, last = before.date + timedelta(days=1), day.date - timedelta(days=1)
            yield Fault(path, f"the calendar has a hole before it: {first} to {last}")
        elif step < 1:
            yield Fault(path, f"{day.date} comes after {before.date}: every date once, in order")
    if not any(day.working for day in days):
        yield Fault(("calendar", "days"), "no date is worked: no limit in working time would ever end")


def check_zone(path: Path, zone: str) -> Iterator[Fault]:
    """Find a time zone that nobody knows."""
    try:
        ZoneInfo(zone)
    except (LookupError, OSError, ValueError):
        yield Fault(path, f"there is no time zone {zone!r}")


def _check_shifts(pack: Pack) -> Iterator[Fault]:
    path: Path = ("calendar", "shifts")
    shifts = pack.calendar.shifts
    for index, shift in enumerate(shifts):
        if shift.begin >= shift.end:
            yield Fault((*path, index), f"ends at {shift.end}, not after it begins at {shift.begin}")
    for index, (before, shift) in enumerate(pairwise(shifts), start=1):
        if shift.begin < before.end:
            yield Fault((*path, index), f"begins at {shift.begin}, before the one ahead of it ends at {before.end}")


def _check_ends(pack: Pack) -> Iterator[Fault]:
    calendar = pack.calendar
    begins, ends = calendar.days[0].date, calendar.days[-1].date
    if calendar.first > calendar.last:
        yield Fault(("calendar", "first"), f"{calendar.first} comes after the last date, {calendar.last}")
    if begins > calendar.first:
        yield Fault(("calendar", "days"), f"begins on {begins}, though city.toml says {calendar.first}")
    if ends < calendar.last:
        yield Fault(("calendar", "days"), f"ends on {ends}, though city.toml says {calendar.last}")
    if (calendar.last.month, calendar.last.day) != (12, 31):
        problem = f"{calendar.last} is amid a year: a year's dates are published together, so some are missing"
        yield Fault(("calendar", "last"), problem)
