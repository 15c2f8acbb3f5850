"""Scores are ordered without pretending that no case is a value, and a trend has the periods before."""

from datetime import date
from typing import Any

import pytest

from paidan_cockpit.pages.score_filter import ScoreFilter, is_period, ordered_rows, previous_period, ranks
from paidan_cockpit.rights import DIMENSIONS, Person, pages_of
from paidan_contracts.scores import Dimension

INDICATORS = {"on_time": "On time", "closing": "Closing"}


def parse(dimensions: tuple[Dimension, ...] = DIMENSIONS, **query: str) -> ScoreFilter:
    return ScoreFilter.parse(query, city="tiny", today=date(2026, 3, 2), indicators=INDICATORS, dimensions=dimensions)


def row(key: str, numerator: int, denominator: int) -> dict[str, Any]:
    value = numerator / denominator if denominator else None
    return {"key": key, "rates": {"on_time": {"value": value, "denominator": denominator}}}


def test_an_address_that_asks_for_nothing_known_shows_this_month_by_department() -> None:
    chosen = parse(period="2026-13", by="nonsense", indicator="nonsense", direction="sideways")

    assert chosen == ScoreFilter(city="tiny", period="2026-03", by="department", indicator="on_time")


def test_a_clerk_sees_the_own_row_whatever_the_address_says() -> None:
    assert parse(("department",), by="district").by == "department"


@pytest.mark.parametrize(
    ("scopes", "dimensions"),
    [
        ({"department:lamps"}, ("department",)),
        ({"department:lamps", "class:E01"}, ()),
        ({"role:monitor", "class:E01", "place:990101"}, ()),
    ],
)
def test_whom_no_figure_may_be_shown_has_no_page_of_scores(scopes: set[str], dimensions: tuple[str, ...]) -> None:
    person = Person("p", "王敏", "tiny", "post", frozenset(scopes))

    assert person.score_dimensions == dimensions
    assert person.may_open("scores") == ("scores" in pages_of(person)) == bool(dimensions)


def test_a_bounded_post_begins_with_what_it_may_read() -> None:
    assert [parse(("district", "street"), by=by).by for by in ("street", "city", "")] == [
        "street",
        "district",
        "district",
    ]


def test_an_address_leads_back_to_its_filter() -> None:
    chosen = parse(period="2026-02-28", by="street", indicator="closing", direction="lowest")
    query = dict(pair.split("=") for pair in chosen.query().split("&"))

    again = ScoreFilter.parse(query, city="tiny", today=date.max, indicators=INDICATORS)
    assert again == chosen


@pytest.mark.parametrize(("direction", "expected"), [("highest", "abz"), ("lowest", "baz")])
def test_rows_without_a_case_come_last_in_either_direction(direction: str, expected: str) -> None:
    rows = [row("z", 0, 0), row("b", 0, 4), row("a", 3, 4)]

    assert "".join(each["key"] for each in ordered_rows(rows, parse(direction=direction))) == expected


def test_of_equal_rates_the_one_of_more_cases_comes_first() -> None:
    rows = [row("few", 1, 1), row("many", 9, 9)]

    assert [each["key"] for each in ordered_rows(rows, parse())] == ["many", "few"]


def test_equal_rates_have_the_same_rank_and_rows_without_a_case_have_none() -> None:
    rows = ordered_rows([row("a", 1, 2), row("b", 2, 2), row("c", 4, 4), row("d", 0, 0)], parse())

    assert ranks(rows, parse()) == [1, 1, 3, None]


@pytest.mark.parametrize(
    ("period", "before"),
    [("2026", "2025"), ("2026-01", "2025-12"), ("2026-03-01", "2026-02-28"), ("0001", None), ("0001-01-01", None)],
)
def test_the_period_before(period: str, before: str | None) -> None:
    assert previous_period(period) == before


@pytest.mark.parametrize("text", ["", "26", "2026-1", "2026-00", "2026-02-30", "2026-03-02T00", "0000"])
def test_what_is_no_period(text: str) -> None:
    assert not is_period(text)


@pytest.mark.parametrize(("period", "first", "number"), [("2026", "2022", 5), ("2026-03", "2025-04", 12)])
def test_a_trend_ends_with_the_period_shown(period: str, first: str, number: int) -> None:
    periods = parse(period=period).trend_periods

    assert (periods[0], periods[-1], len(periods)) == (first, period, number)


def test_a_trend_begins_with_the_first_year_there_is() -> None:
    assert parse(period="0002").trend_periods == ["0001", "0002"]


def test_what_cannot_be_shown_is_told_and_what_is_shown_is_not() -> None:
    query = {"period": "2026-13", "by": "zzz", "indicator": "closing", "direction": ""}
    chosen = ScoreFilter.parse(query, city="tiny", today=date(2026, 3, 2), indicators=INDICATORS)

    assert chosen.replaced(query) == {"period": "2026-13", "by": "zzz"}
    assert parse(period="2026-03").replaced({"period": "2026-03"}) == {}
