"""编号: numbers cases by the pattern of their city, by a serial that counts on in the order of the log."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Final, NamedTuple, Self

from paidan_contracts.city.case_numbers import CaseNumbering

UNKNOWN_DISTRICT: Final = "0"


class NumberFormat(NamedTuple):
    """A city's pattern, prepared once for each version of its pack."""

    template: str
    """Of all but the serial."""
    serial_digits: int
    unclassified: str

    @classmethod
    def of(cls, numbering: CaseNumbering | None) -> Self | None:
        """Prepare a pattern; None where the city gives its cases no numbers."""
        if numbering is None or numbering.pattern is None:
            return None
        template, _, serial = numbering.pattern.rpartition("{seq")
        for token, field in (("{class}", "{0}"), ("{district}", "{1}"), ("{yyyyMMdd}", "{2:%Y%m%d}")):
            template = template.replace(token, field)
        return cls(template, int(serial.removesuffix("}")), numbering.unclassified)

    def number(self, class_code: str | None, area: str, day: date, serial: int) -> str:
        """Return a case's number. A serial with more digits than the pattern has keeps them all."""
        before = _before_serial(self.template, class_code or self.unclassified, area, day)
        return f"{before}{serial:0{self.serial_digits}d}"


# The cases of a day have few classes, and a date takes longer to write than all the rest.
@lru_cache(maxsize=4096)
def _before_serial(template: str, class_code: str, area: str, day: date) -> str:
    return template.format(class_code, area.partition(".")[2] or UNKNOWN_DISTRICT, day)


class Serials:
    """The last serial of each area and local day in a partition, as its own log gave them out."""

    __slots__ = ("_changed", "_last")

    def __init__(self, last: Mapping[tuple[str, date], int] | None = None) -> None:
        self._last = dict(last or {})
        self._changed: set[tuple[str, date]] = set()

    def knows(self, area: str, day: date) -> bool:
        """Return whether the last serial of an area and day is known, 0 included."""
        return (area, day) in self._last

    def add(self, area: str, day: date, last: int) -> None:
        """Add the last serial of an area and day, as it is stored."""
        self._last[area, day] = last

    def next(self, area: str, day: date) -> int:
        """Return the next serial, which is given out by that."""
        key = area, day
        serial = self._last.get(key, 0) + 1
        self._last[key] = serial
        self._changed.add(key)
        return serial

    def take_changed(self) -> list[tuple[str, date, int]]:
        """Return area, day and last serial of those given out since this was asked last: each is written once."""
        changed, self._changed = self._changed, set()
        return [(*key, self._last[key]) for key in sorted(changed)]
