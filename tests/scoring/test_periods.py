"""Parsing of days, months and years."""

import pytest

from paidan_scoring.periods import InvalidPeriod, Period


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026-03-31", "2026-03-31", "2026-03-31"),
        ("2026-02", "2026-02-01", "2026-02-28"),
        ("2028-02", "2028-02-01", "2028-02-29"),
        ("2026", "2026-01-01", "2026-12-31"),
    ],
)
def test_a_period_has_a_first_and_a_last_day(text: str, first: str, last: str) -> None:
    period = Period.parse(text)

    assert (period.first.isoformat(), period.last.isoformat(), period.name) == (first, last, text)


@pytest.mark.parametrize("text", ["", "26", "2026-13", "2026-02-30", "2026-3", "2026-03-31T00:00", "0000", "２０２６"])
def test_anything_else_is_invalid(text: str) -> None:
    with pytest.raises(InvalidPeriod):
        Period.parse(text)
