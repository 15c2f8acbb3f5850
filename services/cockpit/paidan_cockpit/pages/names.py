"""Names of what cases refer to, in a language, from a city's pack. Pure."""

from dataclasses import dataclass
from typing import Final

from paidan_cockpit.case_marks import MarkKind, mark
from paidan_cockpit.settings import Language
from paidan_contracts.bilingual_texts import join_languages
from paidan_contracts.city import City
from paidan_contracts.city.geography import WorkGrid
from paidan_contracts.city.pack_types import Names
from paidan_contracts.city.posts import DUTIES

_ANSWERABLE: Final[tuple[MarkKind, ...]] = ("leader", "office", "unit")


@dataclass(frozen=True, slots=True)
class CityNames:
    """Looks names up; of what a pack does not have, the code itself is the name."""

    city: City | None
    language: Language

    def of(self, names: Names) -> str:
        """Return the name in the reader's language."""
        return names.zh if self.language == "zh" else names.en

    def department(self, id_: str | None) -> str:
        """Return a department's name."""
        department = self.city.departments.get(id_) if self.city and id_ else None
        return self.of(department.names) if department else id_ or ""

    def source(self, id_: str | None) -> str:
        """Return a source's name."""
        source = self.city.sources.get(id_) if self.city and id_ else None
        return self.of(source.names) if source else id_ or ""

    def case_class(self, code: str | None) -> str:
        """Return the name of a class."""
        case_class = self.city.classes.get(code) if self.city and code else None
        return self.of(case_class.names) if case_class else code or ""

    def filing_condition(self, row_id: str | None) -> str:
        """Return the filing condition of a catalogue row."""
        row = self.city.rows.get(row_id) if self.city and row_id else None
        return self.of(row.filing) if row else row_id or ""

    def catalogue_row(self, row_id: str | None) -> str:
        """Return a catalogue row as people speak of it: its code and its filing condition."""
        found = self.city.rows.get(row_id) if self.city and row_id else None
        return f"{found.id} {self.of(found.filing)}" if found else row_id or ""

    def closing_condition(self, row_id: str | None) -> str:
        """Return the closing condition of a catalogue row."""
        row = self.city.rows.get(row_id) if self.city and row_id else None
        return self.of(row.closing) if row else ""

    def place(self, code: str | None) -> str:
        """Return the name of a district, street or community."""
        if self.city is None or code is None:
            return code or ""
        return next((self.of(each.names) for each in self.city.pack.geography.places if each.code == code), code)

    def post(self, id_: str | None) -> str:
        """Return the name of one of the city's own posts; empty for another."""
        post = self.city.posts.get(id_) if self.city and id_ else None
        return self.of(post.names) if post else ""

    def work_grid(self, id_: str | None) -> str:
        """Return the name of a work grid; empty for one that the city does not have."""
        return next((self.of(each.names) for each in self._work_grids() if each.id == id_), "")

    def work_grid_at(self, street: str | None, community: str | None) -> WorkGrid | None:
        """Return the work grid in which a place lies."""
        return self.city.geography.work_grid_of(street, community) if self.city else None

    def _work_grids(self) -> tuple[WorkGrid, ...]:
        return (self.city.pack.geography.work_grids or ()) if self.city else ()

    def step_of_ladder(self, reason: str) -> str:
        """Return a reason in the reader's language: of a step of the city's ladder, which is told in both, its name."""
        steps = self.city.pack.escalation.steps if self.city and self.city.pack.escalation else ()
        found = (each.names for each in steps if reason == join_languages(each.names.en, each.names.zh))
        names = next(found, None)
        return self.of(names) if names else reason

    def level(self, id_: str) -> str:
        """Return the name of a level of the city's escalation ladder."""
        ladder = self.city.pack.escalation if self.city else None
        return next((self.of(each.names) for each in ladder.levels if each.id == id_), id_) if ladder else id_

    def duty(self, id_: str) -> str:
        """Return the name of a duty of posts."""
        return next((self.of(each.names) for duty, each in DUTIES.items() if duty == id_), id_)

    def answerable(self, mark: str) -> str:
        """Return who answers for a case beside its department, by a mark of it."""
        kind, _, id_ = mark.partition("=")
        return (self.post(id_) or id_) if kind == "leader" else self.department(id_)

    def answerable_groups(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """Return by what cases can be filtered of who answers for them: each kind, with its choices."""
        rules = (self.city.pack.answerable or ()) if self.city else ()
        groups = {kind: [mark(kind, id_) for each in rules if (id_ := getattr(each, kind))] for kind in _ANSWERABLE}
        return [
            (kind, [(each, self.answerable(each)) for each in dict.fromkeys(marks)])
            for kind, marks in groups.items()
            if marks
        ]

    def levels(self) -> list[tuple[str, str]]:
        """Return ids and names of the levels of the city's escalation ladder."""
        ladder = self.city.pack.escalation if self.city else None
        return [(each.id, self.of(each.names)) for each in ladder.levels] if ladder else []

    def reviewing_duties(self) -> list[tuple[str, str]]:
        """Return ids and names of the duties that decide on requests about time limits."""
        chains = self.city.clocks.chains if self.city else ()
        return [(each, self.duty(each)) for each in dict.fromkeys(duty for chain in chains for duty in chain)]

    def city_name(self) -> str:
        """Return the city's own name."""
        return self.of(self.city.pack.names) if self.city else ""

    def of_dimension(self, dimension: str, key: str) -> str:
        """Return the name of what scores of a dimension are about."""
        match dimension:
            case "department":
                return self.department(key)
            case "source":
                return self.source(key)
            case "class":
                return self.case_class(key)
            case "city":
                return self.city_name()
            case _:
                return self.place(key)

    def streets_by_district(self) -> list[tuple[str, str, list[tuple[str, str]]]]:
        """Return each district that has streets: its code and name, and codes and names of its streets."""
        grouped = [(code, name, self.streets_of(code)) for code, name in self.choices("district")]
        return [each for each in grouped if each[2]]

    def streets_of(self, district: str | None) -> list[tuple[str, str]]:
        """Return codes and names of the streets of a district; of all districts without one."""
        places = self.city.pack.geography.places if self.city else ()
        within = (each for each in places if each.level == "street" and district in (None, each.within))
        return [(each.code, self.of(each.names)) for each in within]

    def choices(self, kind: str) -> list[tuple[str, str]]:
        """Return what a filter can be set to: codes and names."""
        if self.city is None:
            return []
        match kind:
            case "department":
                return [(each.id, self.of(each.names)) for each in self.city.departments.values()]
            case "work_grid":
                return [(each.id, self.of(each.names)) for each in self._work_grids()]
            case "source":
                return [(each.id, self.of(each.names)) for each in self.city.sources.values()]
            case "class_code":
                return [(each.code, f"{each.code} {self.of(each.names)}") for each in self.city.classes.values()]
            case _:
                places = self.city.pack.geography.places
                return [(each.code, self.of(each.names)) for each in places if each.level == kind]
