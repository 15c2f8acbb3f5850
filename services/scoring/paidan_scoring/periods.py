"""Periods: a day, a month or a year of the city's own calendar."""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from typing import Final, Self

_PERIOD: Final = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?", re.ASCII)


class InvalidPeriod(ValueError):
    """A period is a day (2026-01-31), a month (2026-01) or a year (2026)."""


@dataclass(frozen=True, slots=True)
class Period:
    """All days from the first to the last, both included."""

    name: str
    first: date
    last: date

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a period; raises InvalidPeriod."""
        parts = _PERIOD.fullmatch(text)
        if not parts:
            raise InvalidPeriod(InvalidPeriod.__doc__)
        year, month, day = (int(part) if part else None for part in parts.groups())
        try:
            return cls._of(text, year or 0, month, day)
        except ValueError as error:
            raise InvalidPeriod(InvalidPeriod.__doc__) from error

    @classmethod
    def _of(cls, name: str, year: int, month: int | None, day: int | None) -> Self:
        if month is None:
            return cls(name, date(year, 1, 1), date(year, 12, 31))
        if day is None:
            return cls(name, date(year, month, 1), date(year, month, monthrange(year, month)[1]))
        return cls(name, date(year, month, day), date(year, month, day))

    @classmethod
    def day(cls, day: date) -> Self:
        """Return the period of one day."""
        return cls(day.isoformat(), day, day)

    @classmethod
    def month_of(cls, day: date) -> Self:
        """Return the month of a day."""
        return cls.parse(day.isoformat()[:7])
