"""Working time that is left is counted by the city's calendar."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from paidan_cockpit.pages.times import CityTimes
from paidan_cockpit.working_time import working_time_between
from paidan_contracts.city.loader import load_city

CITY: Final = load_city(Path(__file__).parents[1] / "cities" / "tiny")
HOURS: Final = timedelta(hours=1)
MONDAY: Final = datetime(2026, 3, 2, tzinfo=CITY.zone)


def test_nights_and_breaks_do_not_count() -> None:
    day = CITY.calendar.hours_per_day

    assert working_time_between(CITY.calendar, MONDAY, MONDAY + timedelta(days=1)) == day
    assert working_time_between(CITY.calendar, MONDAY, MONDAY + timedelta(days=7)) == 5 * day
    assert working_time_between(CITY.calendar, MONDAY, MONDAY + 3 * HOURS) == timedelta()


def test_nothing_is_left_of_what_has_passed_and_nothing_is_said_beyond_the_calendar() -> None:
    assert working_time_between(CITY.calendar, MONDAY, MONDAY - HOURS) == timedelta()
    end = datetime(2199, 1, 1, tzinfo=CITY.zone)
    assert working_time_between(CITY.calendar, MONDAY, end) is None


def test_time_left_is_told_in_both_languages() -> None:
    due = MONDAY + timedelta(days=2)

    assert CityTimes(CITY.zone, MONDAY, "en", CITY).working_time_left(due) == "2 working days"
    assert CityTimes(CITY.zone, MONDAY, "zh", CITY).working_time_left(due) == "2 个工作日"
    assert CityTimes(CITY.zone, MONDAY, "en", CITY).relative(due) == "in 2 days"
    assert CityTimes(CITY.zone, MONDAY, "en", CITY).working_time_left(MONDAY - HOURS) is None


def test_from_a_minute_on_nobody_counts_seconds() -> None:
    times = {language: CityTimes(CITY.zone, MONDAY, language, CITY) for language in ("zh", "en")}

    assert times["zh"].relative(MONDAY - timedelta(seconds=66)) == "1分钟前"
    assert times["en"].relative(MONDAY - timedelta(seconds=59)) == "59 seconds ago"
    assert (times["zh"].lag(66.0), times["zh"].lag(3.26)) == ("1分钟", "3.3秒")
