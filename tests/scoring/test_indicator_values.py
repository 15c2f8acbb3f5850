"""Counts and rates of tallies, by a city's own definitions."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from paidan_contracts.city.indicators import Indicators
from paidan_contracts.city.loader import load_city
from paidan_scoring.fact_bits import pack_facts
from paidan_scoring.indicator_values import BASIC_COUNTS, IndicatorCalculator, ScoreName, Tally
from tests.scoring.database_fixture import TINY

INDICATORS: Indicators = load_city(TINY).indicators
DONE = pack_facts(("current", "filed", "closed", "dispatched", "limited", "accepted", "handled", "on_time"))
LATE = pack_facts(("current", "filed", "open", "dispatched", "limited", "accepted", "handled", "late", "overdue"))
RETURNED = pack_facts(("dispatched", "limited", "overdue", "returned"))
PENDING = pack_facts(("current", "filed", "open", "dispatched", "limited"))
VOIDED = pack_facts(("current", "filed", "voided"))
# Few kinds of rows, so that keys share them and sums matter.
TALLIES = st.lists(
    st.builds(
        Tally,
        key=st.sampled_from("ab"),
        facts=st.sampled_from([DONE, LATE, RETURNED, PENDING, VOIDED]),
        number=st.integers(1, 3),
    ),
    max_size=8,
)


def test_zero_denominator_gives_null() -> None:
    """A department without work is neither the best nor the worst one."""
    [line] = IndicatorCalculator(INDICATORS).score_rows([Tally("a", PENDING, 3)])

    assert (line.rates["handling"].numerator, line.rates["handling"].denominator) == (0, 0)
    assert line.rates["handling"].value is None
    assert line.rates["satisfaction"].value is None


def test_handling_rate() -> None:
    """应处置数 counts what was handled or has run past its limit; what is still within it is not due."""
    [line] = IndicatorCalculator(INDICATORS).score_rows(
        [Tally("a", DONE, 6), Tally("a", LATE, 2), Tally("a", PENDING, 5)]
    )

    assert (line.rates["handling"].numerator, line.rates["handling"].denominator) == (8, 8)
    assert (line.rates["on_time"].numerator, line.rates["on_time"].denominator) == (6, 8)
    assert line.counts["cases"] == 13


def test_a_case_counts_once_where_it_is_counted_by_case() -> None:
    """The department that gave it back has had it, too; the city still has one case."""
    lines = IndicatorCalculator(INDICATORS).score_rows([Tally("a", RETURNED, 1), Tally("b", DONE, 1)])

    assert [line.counts["cases"] for line in lines] == [0, 1]


def test_rows_always_show_the_basic_counts() -> None:
    """Not every pack defines all of them: the tiny city has neither open nor late nor no_limit."""
    total = IndicatorCalculator(INDICATORS).total([Tally("a", LATE, 2), Tally("a", VOIDED, 1)], key="tiny")

    assert {count.id: total.counts[count.id] for count in BASIC_COUNTS} == {
        "cases": 2,
        "voided": 1,
        "not_accepted": 0,
        "handled": 2,
        "open": 2,
        "on_time": 0,
        "late": 2,
        "no_limit": 0,
    }


@given(TALLIES)
def test_rows_sum_to_the_total(tallies: list[Tally]) -> None:
    calculator = IndicatorCalculator(INDICATORS)
    counts: Counter[str] = Counter()
    parts: Counter[tuple[str, str]] = Counter()
    for row in calculator.score_rows(tallies):
        counts.update(row.counts)
        for rate, share in row.rates.items():
            parts[rate, "numerator"] += share.numerator
            parts[rate, "denominator"] += share.denominator
            assert share.numerator <= share.denominator

    total = calculator.total(tallies, key="tiny")

    assert {name: number for name, number in total.counts.items() if number} == dict(+counts)
    assert all(
        (share.numerator, share.denominator) == (parts[rate, "numerator"], parts[rate, "denominator"])
        for rate, share in total.rates.items()
    )


def test_a_score_keeps_its_id() -> None:
    """A client that follows a score by its id must find it after every release."""
    name = ScoreName("tiny", "2026-03", "department", "a", "handling")

    assert name.score_id == "bac6fd86-0f7f-52c2-8af6-b32b60f9d1b6"
