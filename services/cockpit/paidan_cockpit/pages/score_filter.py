"""Which scores a page shows, read from an address, and the periods before it. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final, Literal, Self, get_args
from urllib.parse import urlencode

from paidan_cockpit.rights import DIMENSIONS
from paidan_contracts.scores import Dimension

Direction = Literal["highest", "lowest"]
DIRECTIONS: Final[tuple[Direction, ...]] = get_args(Direction)
_PERIOD: Final = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?")
_TREND: Final = {4: 5, 7: 12, 10: 14}
"""How many periods a trend has: years, months, days, by the length of a period's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreFilter:
    """A city's period and dimension, and the indicator by which the rows are ordered."""

    city: str
    period: str
    by: Dimension
    indicator: str
    direction: Direction = "highest"

    @classmethod
    def parse(
        cls,
        query: Mapping[str, str],
        *,
        city: str,
        today: date,
        indicators: Mapping[str, str],
        dimensions: Sequence[Dimension] = DIMENSIONS,
    ) -> Self:
        """Return what an address asks for; what cannot be, or is not among ``dimensions``, is left out."""
        wanted_by = next((each for each in dimensions if each == query.get("by")), None)
        usual_by: Dimension = "department" if "department" in dimensions or not dimensions else dimensions[0]
        period = query.get("period", "")
        wanted = query.get("indicator", "")
        return cls(
            city=city,
            period=period if is_period(period) else today.isoformat()[:7],
            by=wanted_by or usual_by,
            indicator=wanted if wanted in indicators else next(iter(indicators), ""),
            direction="lowest" if query.get("direction") == "lowest" else "highest",
        )

    def replaced(self, query: Mapping[str, str]) -> dict[str, str]:
        """Return what an address asks for in vain, by the name of what is shown in its place."""
        names = ("period", "by", "indicator", "direction")
        return {name: asked for name in names if (asked := query.get(name)) and asked != getattr(self, name)}

    def query(self, **changes: Any) -> str:  # noqa: ANN401 - values of this class's own fields
        """Return the address's query for this filter with some changes."""
        changed = replace(self, **changes)
        return urlencode([(name, getattr(changed, name)) for name in ScoreFilter.__slots__])

    @property
    def trend_periods(self) -> list[str]:
        """The periods of the trend, oldest first, the shown one last."""
        periods = [self.period]
        while len(periods) < _TREND[len(self.period)]:
            before = previous_period(periods[0])
            if before is None:
                break
            periods.insert(0, before)
        return periods


def is_period(text: str) -> bool:
    """Return whether this is a day, a month or a year that there is."""
    if not _PERIOD.fullmatch(text):
        return False
    try:
        _first_day(text)
    except ValueError:
        return False
    return True


def previous_period(period: str) -> str | None:
    """Return the day, month or year before; None before the first year."""
    first = _first_day(period)
    return None if first == date.min else (first - timedelta(days=1)).isoformat()[: len(period)]


def end_of_period(period: str) -> date:
    """Return the day after the last one of a day, month or year; of the last year that there is, its last day."""
    first = _first_day(period)
    try:
        match len(period):
            case 4:
                return first.replace(year=first.year + 1)
            case 7:
                return (first + timedelta(days=31)).replace(day=1)
            case _:
                return first + timedelta(days=1)
    except (ValueError, OverflowError):
        return date.max


def ranks(rows: Sequence[Mapping[str, Any]], score_filter: ScoreFilter) -> list[int | None]:
    """Return the rank of each of these ordered rows: equal values have the same, rows without a case have none."""
    rates = [row["rates"].get(score_filter.indicator) for row in rows]
    values = [rate["value"] if rate else None for rate in rates]
    return [None if value is None else values.index(value) + 1 for value in values]


def ordered_rows(rows: list[dict[str, Any]], score_filter: ScoreFilter) -> list[dict[str, Any]]:
    """Return the rows by the chosen rate; those without a case of it come last, whatever the direction."""
    sign = 1 if score_filter.direction == "lowest" else -1

    def place(row: Mapping[str, Any]) -> tuple[bool, float, int]:
        rate = row["rates"].get(score_filter.indicator) or {"value": None, "denominator": 0}
        return rate["value"] is None, sign * (rate["value"] or 0.0), -rate["denominator"]

    return sorted(rows, key=place)


def _first_day(period: str) -> date:
    return date.fromisoformat(period + "-01-01"[len(period) - 4 :])
