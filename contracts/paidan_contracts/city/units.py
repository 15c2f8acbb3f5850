"""The tree of a city's units: who belongs to whom, who hands on to whom, who has enforcement rights."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Self

from paidan_contracts.city.organisation import Department


@dataclass(frozen=True, slots=True)
class UnitTree:
    """The departments of a valid pack with what lies above and below each."""

    departments: Mapping[str, Department]
    above: Mapping[str, tuple[str, ...]]
    """Of each unit those to which it belongs, the nearest first."""
    below: Mapping[str, tuple[str, ...]]
    """Of each unit those that belong to it, at any depth, in the pack's order."""

    @classmethod
    def of(cls, departments: tuple[Department, ...]) -> Self:
        """Index the tree of a pack's departments."""
        by_id = {each.id: each for each in departments}
        above = {each: tuple(_iter_above(by_id, each)) for each in by_id}
        below: dict[str, list[str]] = {each: [] for each in by_id}
        for unit, outer in above.items():
            for each in outer:
                below[each].append(unit)
        return cls(by_id, above, {unit: tuple(inner) for unit, inner in below.items()})

    def bureau_of(self, unit: str) -> str:
        """Return the unit by whose topics a unit works: its own, or the nearest above it that has some."""
        line = (unit, *self.above.get(unit, ()))
        return next((each for each in line if (d := self.departments.get(each)) and d.channel != "bureau"), unit)

    def may_enforce(self, unit: str) -> bool:
        """Return whether enforcement may be given to a unit: the pack does not deny it the rights."""
        known = self.departments.get(unit)
        return known is None or known.enforcement is not False

    def targets_of(self, holder: str) -> tuple[str, ...]:
        """Return to whom a holder of an order may hand it on: to those below it.

        A contractor without enforcement rights may also hand on to officers: to those beside it that have them.
        """
        inner = self.below.get(holder, ())
        if self.may_enforce(holder) or not self.above.get(holder):
            return inner
        beside = (each for each in self.below[self.above[holder][0]] if each != holder and each not in inner)
        return (*inner, *(each for each in beside if self.departments[each].enforcement))


def _iter_above(departments: Mapping[str, Department], unit: str) -> Iterator[str]:
    # A circle, which validation reports, ends where it closes.
    seen = {unit}
    parent = departments[unit].parent
    while parent is not None and parent in departments and parent not in seen:
        seen.add(parent)
        yield parent
        parent = departments[parent].parent
