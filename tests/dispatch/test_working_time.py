"""Deadlines in working time are exact at every edge of a shift, a weekend and a holiday."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paidan_contracts.city.calendar import CalendarExhausted, WorkingCalendar
from paidan_contracts.city.pack_types import TimeLimit, TimeUnit
from paidan_dispatch.cases.working_time import WorkingTime
from tests.dispatch.sample_pack import default_policy

ZONE = ZoneInfo("Asia/Shanghai")
CALENDAR = default_policy().city.calendar
WORKING_TIME = WorkingTime.from_calendar(CALENDAR)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


def limit(text: str) -> TimeLimit:
    amount, unit = text.split()
    return TimeLimit.model_validate({"amount": int(amount), "unit": unit})


@pytest.mark.parametrize(
    ("start", "lasting", "end"),
    [
        pytest.param("2026-03-06 17:00", "4 working_hour", "2026-03-09 11:00", id="over an ordinary weekend"),
        pytest.param("2026-02-13 17:00", "4 working_hour", "2026-02-14 11:00", id="into a make-up Saturday"),
        pytest.param("2026-02-14 17:00", "4 working_hour", "2026-02-24 11:00", id="over the spring festival"),
        pytest.param("2026-02-14 23:00", "2 urgent_hour", "2026-02-15 01:00", id="urgent hours know no night"),
        pytest.param("2026-02-14 23:00", "2 urgent_day", "2026-02-16 23:00", id="urgent days know no holiday"),
        pytest.param("2026-03-02 09:00", "90 urgent_minute", "2026-03-02 10:30", id="urgent minutes"),
        pytest.param(
            "2026-03-02 10:00", "1 working_day", "2026-03-03 10:00", id="a working day is eight working hours"
        ),
        pytest.param(
            "2026-03-02 08:00", "1 working_day", "2026-03-02 18:00", id="begun in the morning it ends that day"
        ),
        pytest.param("2026-03-05 09:00", "5 working_day", "2026-03-12 09:00", id="five working days"),
        pytest.param(
            "2026-03-02 09:00", "3 working_hour", "2026-03-02 12:00", id="what ends with a shift ends at noon"
        ),
        pytest.param("2026-03-02 09:00", "4 working_hour", "2026-03-02 15:00", id="over lunch"),
        pytest.param("2026-03-02 12:00", "1 working_hour", "2026-03-02 15:00", id="begun as lunch begins"),
        pytest.param("2026-03-02 13:00", "1 working_hour", "2026-03-02 15:00", id="begun at lunch"),
        pytest.param("2026-03-02 14:00", "1 working_hour", "2026-03-02 15:00", id="begun as lunch ends"),
        pytest.param("2026-03-02 18:00", "1 working_hour", "2026-03-03 09:00", id="begun as the day ends"),
        pytest.param("2026-03-02 06:00", "1 working_hour", "2026-03-02 09:00", id="begun before the day"),
        pytest.param(
            "2026-03-02 17:59:59.999999", "1 working_hour", "2026-03-03 08:59:59.999999", id="to the microsecond"
        ),
        pytest.param("2025-12-31 17:00", "4 working_hour", "2026-01-04 11:00", id="new year, and its make-up Sunday"),
        pytest.param("2026-04-30 17:00", "1 working_hour", "2026-04-30 18:00", id="to the calendar's last minute"),
    ],
)
def test_deadlines_follow_working_time(start: str, lasting: str, end: str) -> None:
    assert WORKING_TIME.deadline(local(start), limit(lasting)) == local(end)


@pytest.mark.parametrize(
    ("start", "lasting"),
    [
        pytest.param("2026-04-30 17:00", "2 working_hour", id="it ends past the table"),
        pytest.param("2026-05-01 00:00", "1 working_hour", id="it begins past the table"),
        pytest.param("2025-12-28 23:59", "1 working_hour", id="it begins before the table"),
        pytest.param("2026-03-02 09:00", "10000 working_day", id="it is endless"),
        pytest.param("2199-12-31 23:00", "10 urgent_hour", id="it is later than any timestamp on a topic"),
    ],
)
def test_past_the_calendar_no_deadline_is_computed(start: str, lasting: str) -> None:
    with pytest.raises(CalendarExhausted):
        WORKING_TIME.deadline(local(start), limit(lasting))


def test_urgent_time_needs_no_calendar() -> None:
    """A manhole without its cover does not wait for next year's calendar."""
    assert WORKING_TIME.deadline(local("2027-05-05 05:05"), limit("1 urgent_hour")) == local("2027-05-05 06:05")


def test_deadlines_are_in_utc() -> None:
    """The same deadline is the same bytes, wherever the start came from."""
    assert (
        WORKING_TIME.deadline(local("2026-03-02 09:00"), limit("1 working_hour")).isoformat()
        == "2026-03-02T02:00:00+00:00"
    )


def test_summer_time_moves_shifts_but_not_their_length() -> None:
    """Los Angeles springs forward in the night before Sunday 2020-03-08; a night shift there is an hour short."""
    zone = ZoneInfo("America/Los_Angeles")
    calendar = WorkingCalendar(zone, ((time(0), time(8)),), date(2020, 3, 7), (True,) * 3)

    ends = WorkingTime.from_calendar(calendar).deadline(
        datetime(2020, 3, 7, 23, tzinfo=zone), TimeLimit(amount=8, unit="working_hour")
    )

    assert ends == datetime(2020, 3, 9, 1, tzinfo=zone)


def _worked_minutes(begin: datetime) -> Iterator[datetime]:
    at = begin
    while True:
        if CALENDAR.is_working_time(at):
            yield at + timedelta(minutes=1)
        at += timedelta(minutes=1)


# Minutes around the edges of shifts, and days around the spring festival with its two make-up Saturdays.
minutes = st.sampled_from([0, 479, 480, 481, 719, 720, 721, 839, 840, 841, 1079, 1080, 1081, 1439])
days = st.integers(43, 62)
units: st.SearchStrategy[TimeUnit] = st.sampled_from(["working_hour", "working_day"])


@given(days, minutes, st.integers(1, 9), units)
def test_working_time_agrees_with_counting_minutes(day: int, minute: int, amount: int, unit: TimeUnit) -> None:
    start = datetime(2026, 1, 1, tzinfo=ZONE) + timedelta(days=day, minutes=minute)
    counted = _worked_minutes(start)
    for _ in range(amount * (60 if unit == "working_hour" else 480)):
        end = next(counted)

    assert WORKING_TIME.deadline(start, TimeLimit(amount=amount, unit=unit)) == end


@given(st.integers(0, 200_000), st.integers(0, 5_000), st.integers(1, 30))
def test_deadline_is_monotonic_in_its_start(first: int, later: int, amount: int) -> None:
    begin = datetime(2025, 12, 29, tzinfo=UTC) + timedelta(seconds=first)
    lasting = TimeLimit(amount=amount, unit="working_hour")

    assert WORKING_TIME.deadline(begin, lasting) <= WORKING_TIME.deadline(begin + timedelta(seconds=later), lasting)
