"""What a pack's parts may refer to, gathered once for all checks."""

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from paidan_contracts.city.class_overrides import fits
from paidan_contracts.city.diagnostics import Fault, Path
from paidan_contracts.city.geography import PlaceEntry
from paidan_contracts.city.pack import Pack


@dataclass(frozen=True, slots=True)
class Known:
    """The ids that exist. Those in ``excused`` stand in entries that cannot be read, so they are not missed here."""

    excused: frozenset[str]
    departments: frozenset[str]
    sources: frozenset[str]
    classes: frozenset[str]
    rows: frozenset[str]
    places: dict[str, PlaceEntry]
    areas: frozenset[str]

    @classmethod
    def of(cls, pack: Pack, excused: frozenset[str]) -> Self:
        """Gather a pack's ids."""
        return cls(
            excused=excused,
            departments=frozenset(each.id for each in pack.departments) | excused,
            sources=frozenset(each.id for each in pack.sources) | excused,
            classes=frozenset(each.code for each in pack.catalogue.classes) | excused,
            rows=frozenset(each.id for each in pack.catalogue.rows) | excused,
            places={each.code: each for each in pack.geography.places},
            areas=frozenset(each.id for each in pack.geography.areas) | excused,
        )

    def knows_place(self, code: str) -> bool:
        """Tell whether a district, street or community has that code."""
        return code in self.places or code in self.excused

    def meant(self, pattern: str) -> frozenset[str]:
        """Name the classes that a pattern means."""
        return frozenset(code for code in self.classes if fits(pattern, code))

    def lies_within(self, code: str, outer: Iterable[str]) -> bool:
        """Tell whether a place is one of those, or part of one of them."""
        wanted, seen = frozenset(outer), set[str]()
        at: str | None = code
        while at is not None and at not in seen:
            if at in wanted:
                return True
            seen.add(at)
            entry = self.places.get(at)
            at = entry.within if entry else None
        return False


def twice(path: Path, field: str, keys: Iterable[Hashable]) -> Iterator[Fault]:
    """Find the keys that stand in a list a second time."""
    seen: set[Hashable] = set()
    for index, key in enumerate(keys):
        if key in seen:
            shown = " ".join(str(part) for part in key) if isinstance(key, tuple) else key
            yield Fault((*path, index, field), f"{shown!r} stands there twice")
        seen.add(key)
