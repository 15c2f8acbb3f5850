"""Facets: what a case is found by beside its words, stored among them. No word has an equals sign. Pure.

One index over both finds a common word within a rare class or place without reading every case that has the word.
A facet may say more than it should, so whoever looks by facets checks the case itself, too.
"""

from collections.abc import Collection, Iterator
from typing import Final

_PREFIXES: Final = (1, 2, 3)
"""Lengths of the beginnings of classes that are stored: of a longer pattern, as much as that."""


RARE_ENDS: Final = ("voided", "not_accepted")
"""States in which few cases end. Others change too often, or are too common, to find a case by."""


def facets_of(
    status: str,
    class_code: str | None,
    source: str,
    places: Collection[str | None],
    departments: Collection[str | None],
) -> Iterator[str]:
    """Yield the facets of a case; its departments are the one that leads and those that help."""
    if status in RARE_ENDS:
        yield f"status={status}"
    yield f"source={source}"
    if class_code is not None:
        yield f"class={class_code}"
        yield from (f"class={class_code[:length]}*" for length in _PREFIXES if length <= len(class_code))
    yield from (f"place={each}" for each in places if each)
    yield from (f"department={each}" for each in departments if each)


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
