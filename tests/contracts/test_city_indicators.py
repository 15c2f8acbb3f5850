"""Indicators: conditions over a closed list of facts, and rates of which every numerator is part of its denominator."""

from itertools import chain, combinations
from pathlib import Path
from typing import Final, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from paidan_contracts.city import City, load_city
from paidan_contracts.city.conditions import KNOWN_FACTS, InvalidCondition, parse_condition
from paidan_contracts.city.indicators import count_rules, ratio
from paidan_contracts.scores import ScoreUpdated
from paidan_deploy.citypacks.check import check_folder
from tests.contracts.city_packs import LOSANGELES, QUANCHENG, TINY, copy_pack, edit_file, load_tiny

CITIES: Final = [load_tiny(), load_city(QUANCHENG), load_city(LOSANGELES)]
COUNT_RULES: Final = {city.id: count_rules(city.indicators) for city in CITIES}
FACTS: Final = st.frozensets(st.sampled_from(sorted(KNOWN_FACTS)))


def count_of(city: City, *facts: str) -> set[str]:
    return {rule.key for rule in COUNT_RULES[city.id] if rule.matches(set(facts))}


@pytest.mark.parametrize(
    ("text", "facts", "holds"),
    [
        ("handled", {"handled"}, True),
        ("not handled", {"handled"}, False),
        ("dispatched and (handled or overdue)", {"dispatched", "overdue"}, True),
        ("dispatched and (handled or overdue)", {"overdue", "handled"}, False),
        ("dispatched and handled or overdue", {"overdue"}, True),
        ("not (voided or not_accepted)", set(), True),
        ("not (voided or not_accepted)", {"voided"}, False),
    ],
)
def test_conditions_are_evaluated(text: str, facts: set[str], holds: bool) -> None:
    assert parse_condition(text).evaluate(facts) is holds


@given(st.lists(st.sampled_from(["handled", "overdue", "and", "or", "not", "(", ")"]), min_size=1, max_size=7), FACTS)
def test_conditions_mean_what_python_means_by_them(words: list[str], facts: frozenset[str]) -> None:
    text = " ".join(words)
    try:
        condition = parse_condition(text)
    except InvalidCondition:
        return

    assert condition.evaluate(facts) is eval(text, {name: name in facts for name in ("handled", "overdue")})  # noqa: S307  # words of our own


@pytest.mark.parametrize(
    "text", ["", "happy", "handled == voided", "handled()", "handled.closed", "1", "handled if closed else open", "a;b"]
)
def test_invalid_condition_is_refused(text: str) -> None:
    with pytest.raises(InvalidCondition):
        parse_condition(text)


@given(st.sampled_from(CITIES), FACTS)
def test_every_numerator_is_part_of_its_denominator(city: City, facts: frozenset[str]) -> None:
    """Otherwise a rate exceeds 1, and its list of cases has some that the denominator's has not."""
    keys = count_of(city, *facts)

    for rate in city.indicators.rates:
        assert f"{rate.id}.numerator" not in keys or f"{rate.id}.denominator" in keys


@given(st.sampled_from(CITIES), FACTS)
def test_counts_per_case_use_the_current_row_only(city: City, facts: frozenset[str]) -> None:
    """A case of three departments is one case in the sum over departments."""
    by_case = {count.id for count in city.indicators.counts if count.per == "case"}

    assert not by_case & count_of(city, *(facts - {"current"}))


def test_ratio_without_a_denominator_is_none() -> None:
    assert ratio(0, 0) is None
    assert ratio(0, 5) == 0.0
    assert ratio(3, 4) == 0.75


def test_quancheng_follows_its_standard() -> None:
    """应处置数: dispatched, and handled or past its limit. 结案率's denominator is the same of a case."""
    quancheng = CITIES[1]
    row = {"current", "dispatched", "limited", "filed"}

    assert "due" not in count_of(quancheng, *row, "open")
    assert {"due", "overdue_pending"} <= count_of(quancheng, *row, "open", "overdue")
    done = count_of(quancheng, *row, "accepted", "handled", "on_time", "closed")
    assert {"handling.numerator", "on_time.numerator", "closing.numerator"} <= done
    late = count_of(quancheng, *row, "handled", "late", "overdue", "closed")
    assert "on_time.denominator" in late
    assert "on_time.numerator" not in late
    assert "due" not in count_of(quancheng, *row, "handled", "late", "overdue", "closed", "exempt")


def test_case_without_a_limit_is_not_on_time() -> None:
    """The standard has no such case; it counts as due once it is handled."""
    unlimited = count_of(CITIES[1], "current", "dispatched", "filed", "accepted", "handled", "closed")

    assert {"handling.numerator", "on_time.denominator", "closing_on_time.denominator"} <= unlimited
    assert not {"on_time", "on_time.numerator", "closed_on_time", "closing_on_time.numerator"} & unlimited


@pytest.mark.parametrize("length", [40, 41])
def test_rate_is_valid_iff_its_score_can_be_published(length: int, tmp_path: Path) -> None:
    """Otherwise scoring would fail on its first score, long after the pack was put in force."""
    rate_id = "x" * length
    folder = copy_pack(TINY, tmp_path)
    edit_file(folder, "indicators.toml", 'id = "rework"', f'id = "{rate_id}"')
    indicator = TypeAdapter(get_type_hints(ScoreUpdated, include_extras=True)["indicator"])

    diagnostics = check_folder(folder).mistakes

    if diagnostics:
        assert [diagnostic.field for diagnostic in diagnostics] == ["id"]
        with pytest.raises(ValidationError):
            indicator.validate_python(rate_id)
    else:
        assert indicator.validate_python(rate_id) == rate_id
    assert bool(diagnostics) is (length > 40)


def test_department_is_counted_for_past_assignments() -> None:
    quancheng = CITIES[1]

    left_overdue = count_of(quancheng, "dispatched", "overdue", "returned")
    assert {"due", "handling.denominator", "returned"} <= left_overdue
    assert not {"handling.numerator", "cases", "placing.numerator"} & left_overdue


def test_los_angeles_splits_handled_cases() -> None:
    """on_time, late and no_limit make up handled; handled and open make up cases, in every state a case can be in."""
    states = [{"open"}, {"handled", "closed"}, {"voided"}, {"not_accepted"}, {"open", "handled"}]
    limits: list[set[str]] = [set(), {"limited", "on_time"}, {"limited", "late", "overdue"}]
    for state, limit in ((state, limit) for state in states for limit in limits):
        timed = limit if "handled" in state else limit - {"on_time", "late"}
        keys = count_of(CITIES[2], "current", *state, *timed)

        assert len({"on_time", "late", "no_limit"} & keys) == ("handled" in keys)
        assert ("cases" in keys) == (not state & {"voided", "not_accepted"})
        assert ("promised" in keys) == bool({"on_time", "late"} & keys)


def test_count_rules_ignore_the_order_of_facts() -> None:
    quancheng = CITIES[1]
    known = sorted(KNOWN_FACTS)[:4]

    for facts in chain.from_iterable(combinations(known, size) for size in range(3)):
        assert count_of(quancheng, *facts) == count_of(quancheng, *reversed(facts))
