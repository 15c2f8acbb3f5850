"""Which cases a person may see, as SQL of lists and as a question about one case: the same rules as dispatch's."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from paidan_cockpit.facets import class_facets, place_facets
from paidan_cockpit.rights import Person
from paidan_contracts.case_access import is_within_bounds, may_read_cases
from paidan_contracts.city import City
from paidan_contracts.places import Place
from paidan_contracts.scopes import Grants

_LEVELS: Final = ("district", "street", "community")
Argument = Callable[[object], str]
"""Adds a value to a statement's arguments, and returns the parameter that stands for it."""


class LocatedCase(Protocol):
    """The fields that decide who may see a case."""

    @property
    def city(self) -> str: ...
    @property
    def class_code(self) -> str | None: ...
    @property
    def district(self) -> str | None: ...
    @property
    def street(self) -> str | None: ...
    @property
    def community(self) -> str | None: ...
    @property
    def status(self) -> str: ...
    @property
    def department(self) -> str | None: ...
    @property
    def helpers(self) -> list[str]: ...
    @property
    def past(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Scope:
    """What a person may see: of one city, within the post's classes and places, of a clerk the own orders alone."""

    city: str
    grants: Grants
    now: datetime
    grid_places: frozenset[str] = frozenset()
    """Streets and communities of the work grid of which a list is; none: of every place."""

    @property
    def department(self) -> str | None:
        """The department whose orders alone may be seen."""
        return self.grants.department

    def conditions(self, argument: Argument) -> Iterator[str]:
        """Yield the conditions of a statement about a table of cases under the name ``listed``."""
        yield f"listed.city = {argument(self.city)}"
        if self.department is not None:
            own = argument(self.department)
            leads = f"(department = {own} AND status NOT IN ('received', 'filed'))"
            yield f"(({leads} OR {own} = ANY(helpers)) AND NOT past)"
        if self.grants.classes:
            patterns = sorted(like_pattern(each) for each in self.grants.classes)
            yield f"class_code LIKE ANY({argument(patterns)}::text[])"
        if self.grants.places:
            places = argument(sorted(self.grants.places))
            yield f"({' OR '.join(f'{level} = ANY({places}::text[])' for level in _LEVELS)})"

    def facets(self) -> Iterator[list[str]]:
        """Yield facets of which every case has at least one that may be seen."""
        if self.department is not None:
            yield [f"department={self.department}"]
        yield from filter(None, (class_facets(self.grants.classes), place_facets(self.grants.places)))


def grid_places(city: City, work_grid: str | None) -> frozenset[str]:
    """Return the streets and communities of a work grid; none for one that the city does not have."""
    grids = city.pack.geography.work_grids or ()
    return frozenset(code for each in grids if each.id == work_grid for code in each.places)


def like_pattern(pattern: str) -> str:
    """Return a class pattern as LIKE reads it: an asterisk counts at the end alone, and nothing else is special."""
    is_prefix = pattern.endswith("*")
    escaped = re.sub(r"([\\%_])", r"\\\1", pattern[:-1] if is_prefix else pattern)
    return f"{escaped}%" if is_prefix else escaped


def may_see(person: Person, located: LocatedCase) -> bool:
    """Return whether a person may see a case."""
    grants = person.grants
    place = Place(district=located.district, street=located.street, community=located.community)
    if not person.covers(located.city) or not is_within_bounds(grants, located.class_code, place):
        return False
    if grants.department is None:
        return may_read_cases(grants)
    leads = located.department == grants.department and located.status not in ("received", "filed")
    return not located.past and (leads or grants.department in located.helpers)
