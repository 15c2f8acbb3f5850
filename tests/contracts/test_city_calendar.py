"""The working calendar: working days, working hours, and no guess outside the published dates."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final

import chinese_calendar  # type: ignore[import-untyped]  # it ships no types
import pytest

from paidan_contracts.city import load_city
from paidan_contracts.city.calendar import CalendarExhausted, WorkingCalendar
from tests.contracts.city_packs import LOSANGELES, QUANCHENG

SHANGHAI: Final = timezone(timedelta(hours=8))
CALENDAR: Final = load_city(QUANCHENG).calendar
DATES: Final = [date(2025, 1, 1) + timedelta(days=n) for n in range(730)]


def at(day: int, hour: int, minute: int = 0, month: int = 2) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=SHANGHAI)


def test_every_date_agrees_with_the_library() -> None:
    """The table was derived from that library; a typing error would shift deadlines for a year."""
    assert {day: CALENDAR.is_working_day(day) for day in DATES} == {
        day: chinese_calendar.is_workday(day) for day in DATES
    }


@pytest.mark.parametrize(
    ("year", "make_up_days"),
    [
        (2025, ["01-26", "02-08", "04-27", "09-28", "10-11"]),
        (2026, ["01-04", "02-14", "02-28", "05-09", "09-20", "10-10"]),
    ],
)
def test_make_up_days_are_working_days(year: int, make_up_days: list[str]) -> None:
    weekends = [day for day in DATES if day.year == year and day.weekday() > 4 and CALENDAR.is_working_day(day)]

    assert [f"{day:%m-%d}" for day in weekends] == make_up_days
    assert sum(CALENDAR.is_working_day(day) for day in DATES if day.year == year) == 248


@pytest.mark.parametrize("day", [date(2027, 1, 1), date(2024, 12, 31), date(2030, 6, 1)])
def test_date_outside_the_table_is_refused(day: date) -> None:
    """A guess without make-up days would be wrong by a week every spring."""
    with pytest.raises(CalendarExhausted, match=str(day)):
        CALENDAR.is_working_day(day)


@pytest.mark.parametrize(
    ("moment", "worked"),
    [
        (at(14, 8), True),  # a Saturday, but a make-up day
        (at(14, 12), False),
        (at(14, 13, 59), False),
        (at(14, 14), True),
        (at(15, 10), False),
        (at(13, 23).astimezone(UTC), False),
        (at(14, 9).astimezone(UTC), True),
    ],
)
def test_working_time_is_in_the_citys_zone(moment: datetime, worked: bool) -> None:
    assert CALENDAR.is_working_time(moment) is worked


def test_working_day_has_the_hours_of_its_shifts() -> None:
    assert CALENDAR.hours_per_day == timedelta(hours=8)
    assert load_city(LOSANGELES).calendar.hours_per_day == timedelta(hours=9)


def test_local_day_is_the_citys_date() -> None:
    """The month's last evening in Los Angeles is already the next month in UTC."""
    calendar = load_city(LOSANGELES).calendar

    assert calendar.local_day(datetime(2020, 2, 1, 7, 59, tzinfo=UTC)) == date(2020, 1, 31)
    assert calendar.local_day(datetime(2020, 2, 1, 8, 0, tzinfo=UTC)) == date(2020, 2, 1)


def test_holidays_in_los_angeles_are_no_working_days() -> None:
    calendar: WorkingCalendar = load_city(LOSANGELES).calendar

    assert not calendar.is_working_day(date(2020, 1, 20))
    assert not calendar.is_working_day(date(2020, 7, 3))
    assert calendar.is_working_day(date(2020, 1, 21))
