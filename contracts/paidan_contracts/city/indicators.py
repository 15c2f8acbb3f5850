"""A city's indicators: counts of cases or assignments, and rates of two counts."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import Field

from paidan_contracts.city.conditions import Condition, ConditionText, Holds, parse_condition
from paidan_contracts.city.pack_types import Names, PackModel, Text
from paidan_contracts.wire import Code, Slug


class Count(PackModel):
    """The number of rows for which a condition holds.

    Per ``case``, each case counts once, with its current assignment, for the department that has it now. Per
    ``assignment``, every assignment counts, for the department that had it.
    """

    id: Slug
    names: Names
    holds: ConditionText
    per: Literal["case", "assignment"] = "case"


class Rate(PackModel):
    """The share of a count in another. Null, neither 0 % nor 100 %, where the denominator is 0.

    Only rows of the denominator count in the numerator, so that a rate never exceeds 1.
    """

    id: Slug
    names: Names
    numerator: Slug = Field(description="Id of a count.")
    denominator: Slug = Field(description="Id of a count.")


class Indicators(PackModel):
    """All indicators, under a version of their own, which every score carries."""

    version: Code = Field(description="Carried by every score on ``paidan.scores``.")
    basis: Text = Field(description="The rule or standard that the definitions follow.")
    counts: tuple[Count, ...]
    rates: tuple[Rate, ...]

    def rate(self, rate_id: str) -> Rate | None:
        """Return the rate with this id."""
        return next((rate for rate in self.rates if rate.id == rate_id), None)


@dataclass(frozen=True, slots=True)
class CountRule:
    """Decides whether a row of facts is counted under ``key``.

    Keys are the id of each count, and ``<rate>.numerator`` and ``<rate>.denominator`` of each rate.
    """

    key: str
    conditions: tuple[Condition, ...]

    def matches(self, facts: Collection[str]) -> bool:
        """Return whether a row with these facts is counted."""
        return all(each.evaluate(facts) for each in self.conditions)


def count_rules(indicators: Indicators) -> tuple[CountRule, ...]:
    """Return the rules of all counts and rates, sorted by key."""
    count_conditions = {count.id: _conditions(count) for count in indicators.counts}
    rule_conditions = dict(count_conditions)
    for rate in indicators.rates:
        rule_conditions[f"{rate.id}.denominator"] = count_conditions[rate.denominator]
        rule_conditions[f"{rate.id}.numerator"] = count_conditions[rate.denominator] + count_conditions[rate.numerator]
    return tuple(CountRule(key, conditions) for key, conditions in sorted(rule_conditions.items()))


def ratio(numerator: int, denominator: int) -> float | None:
    """Return numerator / denominator; None where the denominator is 0."""
    return numerator / denominator if denominator else None


def _conditions(count: Count) -> tuple[Condition, ...]:
    condition = parse_condition(count.holds)
    return (_IS_CURRENT, condition) if count.per == "case" else (condition,)


_IS_CURRENT: Final = Holds("current")
