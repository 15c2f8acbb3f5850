"""Indicators are data: conditions over a closed list of facts, and rates that are parts of a whole."""

from itertools import chain, combinations
from pathlib import Path
from typing import Final, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from paidan_contracts.city import City, load_city
from paidan_contracts.city.conditions import KNOWN, Unreadable, condition
from paidan_contracts.city.indicators import judges, share
from paidan_contracts.scores import ScoreUpdated
from paidan_deploy.citypacks.check import check_folder
from tests.contracts.city_packs import LOSANGELES, QUANCHENG, TINY, copied, edit, tiny

CITIES: Final = [tiny(), load_city(QUANCHENG), load_city(LOSANGELES)]
FACTS: Final = st.frozensets(st.sampled_from(sorted(KNOWN)))


def counted(city: City, *facts: str) -> set[str]:
    return {judge.key for judge in city.judges if judge.counts(set(facts))}


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
def test_conditions_are_read_as_they_are_written(text: str, facts: set[str], holds: bool) -> None:
    assert condition(text).of(facts) is holds


@given(st.lists(st.sampled_from(["handled", "overdue", "and", "or", "not", "(", ")"]), min_size=1, max_size=7), FACTS)
def test_conditions_mean_what_python_would_make_of_them(words: list[str], facts: frozenset[str]) -> None:
    text = " ".join(words)
    try:
        read = condition(text)
    except Unreadable:
        return

    assert read.of(facts) is eval(text, {name: name in facts for name in ("handled", "overdue")})  # noqa: S307  # of our own words


@pytest.mark.parametrize(
    "text", ["", "happy", "handled == voided", "handled()", "handled.closed", "1", "handled if closed else open", "a;b"]
)
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        condition(text)


@given(st.sampled_from(CITIES), FACTS)
def test_every_numerator_lies_within_its_denominator(city: City, facts: frozenset[str]) -> None:
    """Else a rate passes 1, and its receipt lists cases that the denominator's does not."""
    keys = counted(city, *facts)

    for rate in city.indicators.rates:
        assert f"{rate.id}.numerator" not in keys or f"{rate.id}.denominator" in keys


@given(st.sampled_from(CITIES), FACTS)
def test_counts_by_case_look_at_the_current_row_alone(city: City, facts: frozenset[str]) -> None:
    """A case that three departments had is one case in the sum over departments."""
    by_case = {count.id for count in city.indicators.counts if count.per == "case"}

    assert not by_case & counted(city, *(facts - {"current"}))


def test_nothing_divided_by_nothing_is_unknown() -> None:
    assert share(0, 0) is None
    assert share(0, 5) == 0.0
    assert share(3, 4) == 0.75


def test_quancheng_counts_as_its_standard_says() -> None:
    """应处置数: dispatched, and handled or past its limit. 结案率's denominator is the same of a case."""
    quancheng = CITIES[1]
    row = {"current", "dispatched", "limited", "filed"}

    assert "due" not in counted(quancheng, *row, "open")
    assert {"due", "overdue_pending"} <= counted(quancheng, *row, "open", "overdue")
    done = counted(quancheng, *row, "accepted", "handled", "on_time", "closed")
    assert {"handling.numerator", "on_time.numerator", "closing.numerator"} <= done
    late = counted(quancheng, *row, "handled", "late", "overdue", "closed")
    assert "on_time.denominator" in late
    assert "on_time.numerator" not in late
    assert "due" not in counted(quancheng, *row, "handled", "late", "overdue", "closed", "exempt")


def test_what_has_no_limit_is_not_on_time() -> None:
    """Nothing was kept where nothing was asked; the standard knows no such case, and counts it as due once handled."""
    unlimited = counted(CITIES[1], "current", "dispatched", "filed", "accepted", "handled", "closed")

    assert {"handling.numerator", "on_time.denominator", "closing_on_time.denominator"} <= unlimited
    assert not {"on_time", "on_time.numerator", "closed_on_time", "closing_on_time.numerator"} & unlimited


@pytest.mark.parametrize("length", [40, 41])
def test_a_rate_is_fit_just_when_its_figure_can_be_published(length: int, tmp_path: Path) -> None:
    """Scoring would fail on the first figure of it, long after the pack was put in force."""
    rate_id = "x" * length
    folder = copied(TINY, tmp_path)
    edit(folder, "indicators.toml", 'id = "rework"', f'id = "{rate_id}"')
    indicator = TypeAdapter(get_type_hints(ScoreUpdated, include_extras=True)["indicator"])

    said = check_folder(folder).mistakes

    if said:
        assert [mistake.field for mistake in said] == ["id"]
        with pytest.raises(ValidationError):
            indicator.validate_python(rate_id)
    else:
        assert indicator.validate_python(rate_id) == rate_id
    assert bool(said) is (length > 40)


def test_a_department_keeps_what_happened_under_it() -> None:
    quancheng = CITIES[1]

    left_overdue = counted(quancheng, "dispatched", "overdue", "returned")
    assert {"due", "handling.denominator", "returned"} <= left_overdue
    assert not {"handling.numerator", "cases", "placing.numerator"} & left_overdue


def test_los_angeles_parts_what_was_handled() -> None:
    """on_time, late and no_limit make up handled; handled and open make up cases, in every state a case can be in."""
    states = [{"open"}, {"handled", "closed"}, {"voided"}, {"not_accepted"}, {"open", "handled"}]
    limits: list[set[str]] = [set(), {"limited", "on_time"}, {"limited", "late", "overdue"}]
    for state, limit in ((state, limit) for state in states for limit in limits):
        timed = limit if "handled" in state else limit - {"on_time", "late"}
        keys = counted(CITIES[2], "current", *state, *timed)

        assert len({"on_time", "late", "no_limit"} & keys) == ("handled" in keys)
        assert ("cases" in keys) == (not state & {"voided", "not_accepted"})
        assert ("promised" in keys) == bool({"on_time", "late"} & keys)


def test_judges_are_the_same_in_every_order_of_facts() -> None:
    quancheng = CITIES[1]
    known = sorted(KNOWN)[:4]

    for facts in chain.from_iterable(combinations(known, size) for size in range(3)):
        assert counted(quancheng, *facts) == counted(quancheng, *reversed(facts))
    assert [judge.key for judge in judges(quancheng.indicators)] == sorted(judge.key for judge in quancheng.judges)
