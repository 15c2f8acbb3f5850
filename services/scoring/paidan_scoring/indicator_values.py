"""Computes counts and rates from tallies, by a city's own definitions. Ratios are never stored."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final, NamedTuple

from paidan_contracts.city.indicators import Count, CountRule, Indicators, count_rules, ratio
from paidan_contracts.city.pack_types import Names
from paidan_contracts.ids import cause_id
from paidan_contracts.scores import Dimension
from paidan_scoring.fact_bits import unpack_facts

DIMENSIONS: Final[tuple[Dimension, ...]] = ("city", "department", "district", "street", "class", "source")


# Counts of every city's rows, in this order. A pack may redefine any of them.
BASIC_COUNTS: Final = tuple(
    Count(id=name, names=Names(zh=zh, en=en), holds=holds)
    for name, zh, en, holds in (
        ("cases", "案件数", "Cases", "not voided and not not_accepted"),
        ("voided", "作废数", "Voided", "voided"),
        ("not_accepted", "不受理数", "Not accepted", "not_accepted"),
        ("handled", "处置数", "Handled", "handled"),
        ("open", "未结案数", "Open", "open"),
        ("on_time", "按期处置数", "Handled on time", "on_time"),
        ("late", "超期处置数", "Handled late", "late"),
        ("no_limit", "无期限处置数", "Handled without a limit", "handled and not limited"),
    )
)


# Tuples, because every pass of the publisher creates thousands and hashes each name.
class Tally(NamedTuple):
    """The number of rows of one key that have exactly these facts."""

    key: str
    facts: int
    number: int


class Ratio(NamedTuple):
    """A rate with its numerator and denominator."""

    numerator: int
    denominator: int

    @property
    def value(self) -> float | None:
        """The quotient; None for a zero denominator."""
        return ratio(self.numerator, self.denominator)


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """The counts and rates of one key of a dimension, or of all together."""

    key: str
    counts: Mapping[str, int]
    rates: Mapping[str, Ratio]


class IndicatorCalculator:
    """Evaluates a city's indicators on tallies. Each set of facts is evaluated once."""

    def __init__(self, indicators: Indicators) -> None:
        defined = {count.id for count in indicators.counts}
        counts = indicators.counts + tuple(count for count in BASIC_COUNTS if count.id not in defined)
        self.indicators = indicators.model_copy(update={"counts": counts})
        self._rules: tuple[CountRule, ...] = count_rules(self.indicators)
        self._counted_keys = cache(self._compute_counted_keys)

    def score_rows(self, tallies: Iterable[Tally]) -> list[ScoreRow]:
        """Return the counts and rates of each key, in the order of the keys."""
        sums: dict[str, dict[str, int]] = {}
        for tally in tallies:
            key_sums = sums.setdefault(tally.key, {})
            for name in self._counted_keys(tally.facts):
                key_sums[name] = key_sums.get(name, 0) + tally.number
        return [self._score_row(key, sums[key]) for key in sorted(sums)]

    def total(self, tallies: Iterable[Tally], *, key: str) -> ScoreRow:
        """Return the counts and rates of all tallies together, under ``key``; all 0 without tallies."""
        rows = self.score_rows(Tally(key, tally.facts, tally.number) for tally in tallies)
        return rows[0] if rows else self._score_row(key, {})

    def is_counted_in(self, name: str, facts: int) -> bool:
        """Return whether a row with these facts adds to a count, or to ``<rate>.numerator`` or ``.denominator``."""
        return name in self._counted_keys(facts)

    def _compute_counted_keys(self, facts: int) -> frozenset[str]:
        fact_names = unpack_facts(facts)
        return frozenset(rule.key for rule in self._rules if rule.matches(fact_names))

    def _score_row(self, key: str, sums: Mapping[str, int]) -> ScoreRow:
        return ScoreRow(
            key=key,
            counts={count.id: sums.get(count.id, 0) for count in self.indicators.counts},
            rates={
                rate.id: Ratio(sums.get(f"{rate.id}.numerator", 0), sums.get(f"{rate.id}.denominator", 0))
                for rate in self.indicators.rates
            },
        )


class ScoreName(NamedTuple):
    """Identifies a score, whatever its value or the version of its indicators."""

    city: str
    period: str
    by: Dimension
    key: str
    indicator: str

    @property
    def score_id(self) -> str:
        """The id under which the score is published and looked up."""
        return _score_id(self)


# Every pass of the publisher needs the ids of all scores of a day and a month, nearly always the same ones.
@lru_cache(maxsize=100_000)
def _score_id(name: ScoreName) -> str:
    return str(cause_id("score", *name))
