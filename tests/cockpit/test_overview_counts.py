"""The overview's figures: every case counts once, days are compared up to the same time, colours follow the counts."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paidan_cockpit.pages.names import CityNames
from paidan_cockpit.pages.overview import parse_filter
from paidan_cockpit.pages.overview_counts import (
    Days,
    HourCount,
    Load,
    OpenGroup,
    hourly_totals,
    is_silent,
    loads_by,
    source_days,
    sum_days,
    total_load,
)
from paidan_cockpit.pages.overview_queries import OverviewFilter
from paidan_cockpit.pages.overview_rates import shown_rates
from paidan_cockpit.pages.site import CONTENT_POLICY, policy_with_tiles
from paidan_cockpit.score_queries import CityScore
from paidan_contracts.city.loader import load_city
from tests.scoring.database_fixture import TINY

NOW = datetime(2026, 11, 28, 4, 30, tzinfo=UTC)
counts = st.integers(0, 3)
groups = st.lists(
    st.builds(
        OpenGroup,
        department=st.sampled_from([None, "a", "b"]),
        district=st.sampled_from([None, "1"]),
        street=st.none(),
        status=st.sampled_from(["filed", "handling"]),
        open=counts,
        overdue=counts,
        due_soon=counts,
    )
)
hours = st.lists(st.builds(HourCount, source=st.sampled_from("abz"), hour=st.integers(0, 24), cases=counts))


@given(groups)
def test_every_case_counts_once_in_the_city_and_once_in_one_queue(some: Sequence[OpenGroup]) -> None:
    loads = loads_by(some, lambda each: each.department)

    total = total_load(some)
    assert (total.open, total.overdue, total.due_soon) == tuple(
        sum(getattr(load, name) for load in loads) for name in ("open", "overdue", "due_soon")
    )
    assert len({load.key for load in loads}) == len(loads)
    assert [load.overdue for load in loads] == sorted((load.overdue for load in loads), reverse=True)


@pytest.mark.parametrize(
    ("load", "light"),
    [
        (Load("a", open=5, overdue=1, due_soon=2), "late"),
        (Load("a", open=5, due_soon=2), "soon"),
        (Load("a", open=5), "calm"),
    ],
)
def test_the_light_is_that_of_the_worst_case(load: Load, light: str) -> None:
    assert load.light == light


@given(hours, hours, hours)
def test_sources_together_are_the_day(
    today: list[HourCount], before: list[HourCount], all_day: list[HourCount]
) -> None:
    days = source_days(today, before, all_day, ["b", "a"])

    assert [day.source for day in days][:2] == ["b", "a"]
    assert len({day.source for day in days}) == len(days)
    together = sum_days(days)
    assert together.today == sum(count.cases for count in today) == sum(hourly_totals(today))
    assert together.before_all_day == sum(count.cases for count in all_day)


def test_a_change_is_in_percent_of_the_week_before() -> None:
    [day] = source_days([HourCount("a", 1, 3)], [HourCount("a", 1, 2)], [], ["a"])
    [new] = source_days([HourCount("a", 1, 3)], [], [], ["a"])

    assert day.change == 50
    assert new.change is None


def test_days_are_the_citys_own_and_end_at_the_same_time_of_day() -> None:
    days = Days.of(NOW, ZoneInfo("Asia/Shanghai"))

    assert days.begin == datetime(2026, 11, 27, 16, 0, tzinfo=UTC)
    assert days.before_begin == datetime(2026, 11, 20, 16, 0, tzinfo=UTC)
    assert days.before_now == NOW - timedelta(days=7)
    assert days.before_end == days.before_begin + timedelta(days=1)


def test_a_week_over_the_change_of_summer_time_compares_the_same_hours() -> None:
    """On that Sunday clocks went back at 2:00, so the week before was an hour nearer to UTC."""
    zone = ZoneInfo("America/Los_Angeles")

    days = Days.of(datetime(2026, 11, 5, 2, 0, tzinfo=UTC), zone)

    assert days.before_now == datetime(2026, 10, 28, 18, 0, tzinfo=zone)
    assert days.before_now.utcoffset() != days.begin.utcoffset()


@pytest.mark.parametrize(
    ("minutes_ago", "allowed", "silent"),
    [(10, 15, False), (20, 15, True), (None, 15, True), (None, None, False), (9999, None, False)],
)
def test_a_source_is_silent_by_its_own_limit(minutes_ago: int | None, allowed: int | None, silent: bool) -> None:
    last = None if minutes_ago is None else NOW - timedelta(minutes=minutes_ago)

    assert is_silent(last, allowed, NOW) is silent


def test_rates_are_shown_in_the_pages_order_and_one_without_a_score_counts_nothing() -> None:
    score = CityScore("id", 3, "tiny", "2026-03", "closing", 1, 2)

    rates = shown_rates({"closing": score, "another": score}, ["another", "closing", "handling"], "tiny", "2026-03")

    assert list(rates) == ["handling", "closing"]
    assert (rates["closing"].value, rates["handling"].value, rates["handling"].denominator) == (0.5, None, 0)


def test_an_address_asks_for_a_part_of_the_city() -> None:
    query = {"district": "990101", "street": "990101", "class_code": "<b>"}

    assert parse_filter(query, CityNames(load_city(TINY), "en")) == OverviewFilter(district="990101")


@pytest.mark.parametrize(("street", "kept"), [("990101001", "990101001"), ("990102001", None)])
def test_a_street_of_another_district_is_left_out(street: str, kept: str | None) -> None:
    names = CityNames(load_city(TINY), "en")

    chosen = parse_filter({"district": "990101", "street": street}, names)

    assert (chosen.district, chosen.street) == ("990101", kept)
    assert chosen.query("tiny") == "city=tiny&district=990101" + (f"&street={kept}" if kept else "")
    assert [(name, streets) for _, name, streets in names.streets_by_district()] == [
        ("West", [("990101001", "West Street")]),
        ("East", [("990102001", "East Street")]),
    ]


def test_pictures_come_from_the_tiles_host_and_nothing_else_does() -> None:
    policy = policy_with_tiles(CONTENT_POLICY, "https://tiles.example/a/{z}/{x}/{y}.png")

    assert "img-src 'self' https://tiles.example data:;" in policy
    assert policy.replace(" https://tiles.example", "") == CONTENT_POLICY
