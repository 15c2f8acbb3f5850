"""What somebody searches for: words, and names of places, departments and classes among them. Pure.

A name finds the cases whose text has it, and those that are of the place, department or class that is called so.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from paidan_cockpit.facets import class_facets, place_facets
from paidan_cockpit.search_words import words_of
from paidan_contracts.city import City

_MIN_LENGTH: Final = 2
_MAX_BEGUN: Final = 8
"""Of how many names a word may be the beginning, and still stand for them."""


class NamedCodes(NamedTuple):
    """Codes of what is called by a name, or by one of several."""

    places: tuple[str, ...] = ()
    departments: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()

    def plus(self, other: "NamedCodes") -> "NamedCodes":
        """Return the codes of both."""
        return NamedCodes(*(tuple(dict.fromkeys((*a, *b))) for a, b in zip(self, other, strict=True)))


class SearchTerm(NamedTuple):
    """A case fits that has all of the words, or is of one of the places, departments or classes."""

    words: tuple[str, ...]
    codes: NamedCodes = NamedCodes()

    @property
    def facets(self) -> list[str]:
        """The facets of which a case has one that fits by a name; empty: it fits by words alone."""
        departments = [f"department={each}" for each in self.codes.departments]
        classes = class_facets(self.codes.classes) if self.codes.classes else []
        return [*place_facets(self.codes.places), *departments, *classes]


def plain_terms(words: Sequence[str]) -> list[SearchTerm]:
    """Return the terms of words that stand for no name."""
    return [SearchTerm(tuple(words))] if words else []


def search_terms(city: City, text: str, *, with_departments: bool) -> list[SearchTerm]:
    """Return what a case has to fit, each of them: whole names wherever they stand, then every other word."""
    if not text.strip():
        return []
    codes = _codes_by_name(city, with_departments=with_departments)
    rest = " ".join(text.casefold().split())
    found: list[SearchTerm] = []
    for name in sorted(codes, key=len, reverse=True):
        if name in rest and (pattern := _whole(name)).search(rest):
            found.append(_term(name, codes[name]))
            rest = pattern.sub(" ", rest)
    begun = _begun(rest.strip(), codes) if " " in rest.strip() else NamedCodes()
    if begun != NamedCodes():  # several words that a name begins with
        return [*found, _term(rest.strip(), begun)]
    found.extend(_term(each, _begun(each, codes)) for each in rest.split())
    return [each for each in found if each.words]


def _term(text: str, codes: NamedCodes) -> SearchTerm:
    return SearchTerm(tuple(words_of(text)), codes)


def _begun(word: str, codes: dict[str, NamedCodes]) -> NamedCodes:
    """Return what has a name that begins with a word; nothing for a word that too many begin with."""
    begun = [codes[name] for name in codes if name.startswith(word)] if len(word) >= _MIN_LENGTH else []
    result = NamedCodes()
    for each in begun if len(begun) <= _MAX_BEGUN else ():
        result = result.plus(each)
    return result


def _whole(name: str) -> re.Pattern[str]:
    """Return the pattern of a name: of a script with spaces, not within a longer word."""
    before = r"(?<![a-z0-9])" if name[0].isascii() else ""
    after = r"(?![a-z0-9])" if name[-1].isascii() else ""
    return re.compile(before + re.escape(name) + after)


def _codes_by_name(city: City, *, with_departments: bool) -> dict[str, NamedCodes]:
    codes: dict[str, NamedCodes] = {}
    for name, each in _named(city, with_departments=with_departments):
        folded = " ".join(name.casefold().split())
        if len(folded) >= _MIN_LENGTH:
            codes[folded] = codes.get(folded, NamedCodes()).plus(each)
    return codes


def _named(city: City, *, with_departments: bool) -> Iterator[tuple[str, NamedCodes]]:
    for place in city.pack.geography.places:
        yield from _of_each((place.names.zh, place.names.en), NamedCodes(places=(place.code,)))
    for department in city.departments.values() if with_departments else ():
        yield from _of_each((department.names.zh, department.names.en), NamedCodes(departments=(department.id,)))
    for each in city.classes.values():
        yield from _of_each((each.names.zh, each.names.en, each.code), NamedCodes(classes=(each.code,)))


def _of_each(names: Iterable[str], codes: NamedCodes) -> Iterator[tuple[str, NamedCodes]]:
    return ((name, codes) for name in dict.fromkeys(names))
