"""What a signed-in person may open, by scopes. Pure. What may be done with a case, its service decides."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, get_args

from paidan_contracts.city.pack_types import Names
from paidan_contracts.scopes import ALL_CITIES, Grants, Role, covers_city, grants_of
from paidan_contracts.scores import Dimension

Page = Literal[
    "desk", "inspection", "verification", "callbacks", "overview", "queues", "case", "scores", "city", "system"
]
"""In the order of menus: whoever has a desk begins there."""
PAGES: Final[tuple[Page, ...]] = get_args(Page)

DIMENSIONS: Final[tuple[Dimension, ...]] = get_args(Dimension)
_STAFF: Final[frozenset[Role]] = frozenset({"operator", "inspector", "caller", "monitor"})
_OFFICE: Final[frozenset[Role]] = frozenset({"operator", "monitor"})
PAGE_ROLES: Final[Mapping[Page, frozenset[Role]]] = MappingProxyType(
    {
        "overview": _OFFICE,
        "queues": _STAFF,
        "case": _STAFF,
        "desk": frozenset(),
        "inspection": frozenset({"inspector"}),
        "verification": frozenset({"inspector"}),
        "callbacks": frozenset({"caller"}),
        "scores": _OFFICE,
        "city": _STAFF,
        "system": _OFFICE,
    }
)
DEPARTMENT_PAGES: Final[frozenset[Page]] = frozenset({"queues", "case", "desk", "scores"})
"""What a department's clerk may open, each for the own department alone."""


@dataclass(frozen=True, slots=True)
class Person:
    """A person as pages know it; the name never leaves the cockpit."""

    person_id: str
    name: str
    city: str
    post: str
    scopes: frozenset[str]
    post_names: Names | None = None

    @property
    def grants(self) -> Grants:
        """What the person's scopes grant."""
        return grants_of(self.scopes)

    @property
    def department(self) -> str | None:
        """The only department whose cases the person may see; None: those of all."""
        return self.grants.department

    @property
    def score_dimensions(self) -> tuple[Dimension, ...]:
        """By what the person may read scores: figures that count no case beyond the own department or bounds."""
        grants = self.grants
        if grants.department is not None:
            return () if grants.is_bounded else ("department",)
        if not grants.is_bounded:
            return DIMENSIONS
        if grants.classes:
            return () if grants.places else ("class",)
        return ("district", "street")

    def may_open(self, page: Page) -> bool:
        """Return whether the person may open a page at all."""
        if page == "scores" and not self.score_dimensions:
            return False
        if self.department is not None:
            return page in DEPARTMENT_PAGES
        return self.grants.has_role(*PAGE_ROLES[page])

    def covers(self, city: str) -> bool:
        """Return whether the person may see anything of a city."""
        return covers_city(self.city, city)

    @property
    def operates_installation(self) -> bool:
        """Whether the person may redrive dead letters and lift halts: records and halts are of no single city.

        A city's pack grants its posts to persons of that city, so no pack can grant this.
        """
        return self.city == ALL_CITIES and self.grants.has_role("operator")


def pages_of(person: Person) -> Iterator[Page]:
    """Yield the pages of a person's menu, in order; a case is opened from a list."""
    yield from (page for page in PAGES if page != "case" and person.may_open(page))
