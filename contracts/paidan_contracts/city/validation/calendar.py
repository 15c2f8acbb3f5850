"""Validates the time zone and the working calendar, past whose end no deadline can be computed."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from paidan_contracts.city.calendar import Shift
from paidan_contracts.city.diagnostics import DocumentPath, Violation
from paidan_contracts.city.pack import Pack
from paidan_contracts.city.pack_types import TimeLimit


def check_calendar(pack: Pack) -> Iterator[Violation]:
    """Yield an unknown zone, shifts out of order, and dates that are missing, duplicate or out of order."""
    yield from check_zone(("zone",), pack.zone)
    yield from _check_shifts(pack)
    yield from _check_range(pack)
    days = pack.calendar.days
    for index, (before, day) in enumerate(pairwise(days), start=1):
        path: DocumentPath = ("calendar", "days", index, "date")
        step = (day.date - before.date).days
        if step > 1:
            first, last = before.date + timedelta(days=1), day.date - timedelta(days=1)
            yield Violation(path, f"dates are missing before it: {first} to {last}", f"此前缺少日期：{first} 至 {last}")
        elif step < 1:
            yield Violation(
                path,
                f"{day.date} comes after {before.date}: every date once, in order",
                f"{day.date} 排在 {before.date} 之后：每个日期须按顺序出现一次",
            )
    yield from _check_limits(pack)
    if not any(day.working for day in days):
        yield Violation(
            ("calendar", "days"),
            "there is no working day: no limit in working time would ever end",
            "没有工作日：以工作时间计的时限永远不会届满",
        )


def _check_limits(pack: Pack) -> Iterator[Violation]:
    """Yield limits in working time that end on no day of the calendar, whenever they begin."""
    days = sum(day.working for day in pack.calendar.days)
    hours = days * sum(_hours(shift) for shift in pack.calendar.shifts)
    for path, limit in _limits(pack):
        available = {"working_day": days, "working_hour": hours}.get(limit.unit)
        if available is not None and limit.amount > available:
            unit = limit.unit.removeprefix("working_")
            problem = (
                f"{limit.amount} {limit.unit} is longer than the calendar, which has {available:.0f} working {unit}s"
            )
            unit_zh = "个工作日" if limit.unit == "working_day" else "个工作时"
            problem_zh = f"{limit.amount} {limit.unit} 长于整个日历，日历共有 {available:.0f} {unit_zh}"
            yield Violation(path, problem, problem_zh)


def _limits(pack: Pack) -> Iterator[tuple[DocumentPath, TimeLimit]]:
    for name, value in pack.clocks:
        if isinstance(value, TimeLimit):
            yield ("clocks", name), value
    for name, value in pack.clocks.reopening:
        if isinstance(value, TimeLimit):
            yield ("clocks", "reopening", name), value
    for index, row in enumerate(pack.catalogue.rows):
        for name in ("limit", "accept_limit"):
            if (limit := getattr(row, name)) is not None:
                yield ("catalogue", "rows", index, name), limit
    yield ("matching", "recurrence"), pack.matching.recurrence
    for index, override in enumerate(pack.matching.by_class):
        if override.recurrence is not None:
            yield ("matching", "by_class", index, "recurrence"), override.recurrence


def _hours(shift: Shift) -> float:
    return (shift.end.hour - shift.begin.hour) + (shift.end.minute - shift.begin.minute) / 60


def check_zone(path: DocumentPath, zone: str) -> Iterator[Violation]:
    """Yield an unknown time zone."""
    try:
        ZoneInfo(zone)
    except (LookupError, OSError, ValueError):
        yield Violation(path, f"there is no time zone {zone!r}", f"没有时区 {zone!r}")


def _check_shifts(pack: Pack) -> Iterator[Violation]:
    path: DocumentPath = ("calendar", "shifts")
    shifts = pack.calendar.shifts
    for index, shift in enumerate(shifts):
        if shift.begin >= shift.end:
            yield Violation(
                (*path, index),
                f"ends at {shift.end}, not after it begins at {shift.begin}",
                f"结束于 {shift.end}，不晚于开始时刻 {shift.begin}",
            )
    for index, (before, shift) in enumerate(pairwise(shifts), start=1):
        if shift.begin < before.end:
            yield Violation(
                (*path, index),
                f"begins at {shift.begin}, before the one ahead of it ends at {before.end}",
                f"开始于 {shift.begin}，早于前一段的结束时刻 {before.end}",
            )


def _check_range(pack: Pack) -> Iterator[Violation]:
    calendar = pack.calendar
    first_day, last_day = calendar.days[0].date, calendar.days[-1].date
    if calendar.first > calendar.last:
        yield Violation(
            ("calendar", "first"),
            f"{calendar.first} comes after the last date, {calendar.last}",
            f"{calendar.first} 晚于最后日期 {calendar.last}",
        )
    if first_day > calendar.first:
        yield Violation(
            ("calendar", "days"),
            f"begins on {first_day}, though city.toml states {calendar.first}",
            f"始于 {first_day}，而 city.toml 写的是 {calendar.first}",
        )
    if last_day < calendar.last:
        yield Violation(
            ("calendar", "days"),
            f"ends on {last_day}, though city.toml states {calendar.last}",
            f"止于 {last_day}，而 city.toml 写的是 {calendar.last}",
        )
    if (calendar.last.month, calendar.last.day) != (12, 31):
        problem = (
            f"{calendar.last} is not the end of a year: a year's dates are published together, so some are missing"
        )
        problem_zh = f"{calendar.last} 不是年末：一年的日期是一并公布的，因此缺少一部分日期"
        yield Violation(("calendar", "last"), problem, problem_zh)
