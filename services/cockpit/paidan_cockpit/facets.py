"""Facets: what a case is found by beside its words, stored among them. No word has an equals sign. Pure.

One index over both finds a common word within a rare class or place without reading every case that has the word.
A facet may say more than it should, so whoever looks by facets checks the case itself, too.
"""

from collections.abc import Collection
from functools import lru_cache
from typing import Final

_PREFIXES: Final = (1, 2, 3)
"""Lengths of the beginnings of classes that are stored: of a longer pattern, as much as that."""


RARE_ENDS: Final = ("voided", "not_accepted")
"""States in which few cases end. Others change too often, or are too common, to find a case by."""


def facets_of(
    status: str,
    class_code: str | None,
    source: str,
    places: tuple[str | None, ...],
    departments: Collection[str | None],
) -> list[str]:
    """Return the facets of a case; its departments are the one that leads and those that help."""
    found = [f"status={status}"] if status in RARE_ENDS else []
    found.append(f"source={source}")
    if class_code is not None:
        found += _facets_of_class(class_code)
    found += _facets_of_places(places)
    found += [f"department={each}" for each in departments if each]
    return found


# Far more cases are of a class, or in a community, than there are of either.
@lru_cache(maxsize=4096)
def _facets_of_class(class_code: str) -> tuple[str, ...]:
    beginnings = (f"class={class_code[:length]}*" for length in _PREFIXES if length <= len(class_code))
    return f"class={class_code}", *beginnings


@lru_cache(maxsize=16_384)
def _facets_of_places(places: tuple[str | None, ...]) -> tuple[str, ...]:
    return tuple(f"place={each}" for each in places if each)


def class_facets(patterns: Collection[str]) -> list[str]:
    """Return facets of which every case of these classes, or patterns of them, has at least one; empty: no such."""
    facets = [
        f"class={each[: min(len(each) - 1, _PREFIXES[-1])]}*" if each.endswith("*") else f"class={each}"
        for each in sorted(patterns)
    ]
    return [] if "class=*" in facets else facets


def place_facets(places: Collection[str]) -> list[str]:
    """Return facets of which every case in one of these places has at least one."""
    return [f"place={each}" for each in sorted(places)]
