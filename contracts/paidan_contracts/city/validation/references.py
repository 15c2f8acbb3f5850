"""The ids that a pack's parts may refer to, duplicate keys, and patterns that match no class."""

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from paidan_contracts.city.class_overrides import matches_class
from paidan_contracts.city.diagnostics import DocumentPath, Violation
from paidan_contracts.city.geography import PlaceEntry
from paidan_contracts.city.pack import Pack


@dataclass(frozen=True, slots=True)
class KnownIds:
    """The ids of a pack. Those in ``pruned`` belong to invalid entries, and references to them are valid."""

    pruned: frozenset[str]
    departments: frozenset[str]
    sources: frozenset[str]
    classes: frozenset[str]
    rows: frozenset[str]
    places: dict[str, PlaceEntry]
    areas: frozenset[str]

    @classmethod
    def of(cls, pack: Pack, pruned: frozenset[str]) -> Self:
        """Collect a pack's ids."""
        return cls(
            pruned=pruned,
            departments=frozenset(each.id for each in pack.departments) | pruned,
            sources=frozenset(each.id for each in pack.sources) | pruned,
            classes=frozenset(each.code for each in pack.catalogue.classes) | pruned,
            rows=frozenset(each.id for each in pack.catalogue.rows) | pruned,
            places={each.code: each for each in pack.geography.places},
            areas=frozenset(each.id for each in pack.geography.areas) | pruned,
        )

    def has_place(self, code: str) -> bool:
        """Return whether a district, street or community has this code."""
        return code in self.places or code in self.pruned

    def classes_matching(self, pattern: str) -> frozenset[str]:
        """Return the classes that match a pattern."""
        return frozenset(code for code in self.classes if matches_class(pattern, code))

    def is_within(self, code: str, outer: Iterable[str]) -> bool:
        """Return whether a place is one of ``outer``, or lies in one of them."""
        outer_codes, seen = frozenset(outer), set[str]()
        current: str | None = code
        while current is not None and current not in seen:
            if current in outer_codes:
                return True
            seen.add(current)
            entry = self.places.get(current)
            current = entry.within if entry else None
        return False


def find_duplicates(path: DocumentPath, field: str, keys: Iterable[Hashable]) -> Iterator[Violation]:
    """Yield a violation for each key that an earlier entry of the list has."""
    seen: set[Hashable] = set()
    for index, key in enumerate(keys):
        if key in seen:
            shown = " ".join(str(part) for part in key) if isinstance(key, tuple) else key
            yield Violation((*path, index, field), f"duplicate {shown!r}", f"重复的 {shown!r}")
        seen.add(key)


def find_unmatched_classes(
    path: DocumentPath, patterns: Iterable[str] | None, known_ids: KnownIds
) -> Iterator[Violation]:
    """Yield a violation for each pattern of an entry's ``classes`` that matches no class of the catalogue."""
    for pattern in patterns or ():
        if not known_ids.classes_matching(pattern):
            yield Violation(
                (*path, "classes"),
                f"{pattern!r} matches no class of the catalogue",
                f"{pattern!r} 与目录中的任何类别都不符",
            )
