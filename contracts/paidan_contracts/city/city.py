"""A city as services ask it: one frozen value with every look-up built once. It decides nothing but first matches."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Self
from zoneinfo import ZoneInfo

from paidan_contracts.city.calendar import WorkingCalendar
from paidan_contracts.city.catalogue import CaseClass, CatalogueRow, Category
from paidan_contracts.city.class_overrides import (
    EffectiveMatching,
    EffectiveScreening,
    effective_matching,
    effective_screening,
)
from paidan_contracts.city.geography import UNKNOWN_PLACE, PlaceCodes
from paidan_contracts.city.geography_index import GeographyIndex
from paidan_contracts.city.import_mappings import ImportMapping
from paidan_contracts.city.indicators import Indicators
from paidan_contracts.city.organisation import Department, Source
from paidan_contracts.city.pack import Pack, pack_version
from paidan_contracts.city.pack_types import TimeLimit
from paidan_contracts.city.policies import MatchingPolicy, ScreeningPolicy, StageLimits
from paidan_contracts.city.routing import RouteDecision, RoutingInput
from paidan_contracts.city.rule_index import RuleIndex


@dataclass(frozen=True)
class City:
    """A city under one version of its pack.

    Look-ups return None for what the city does not know; nothing raises but ``calendar`` beyond its table.
    """

    pack: Pack
    version: str
    zone: ZoneInfo
    calendar: WorkingCalendar
    geography: GeographyIndex
    departments: Mapping[str, Department]
    sources: Mapping[str, Source]
    classes: Mapping[str, CaseClass]
    rows: Mapping[str, CatalogueRow]
    imports: Mapping[str, ImportMapping]
    rule_index: RuleIndex

    @classmethod
    def of(cls, pack: Pack) -> Self:
        """Build every look-up of a checked pack."""
        return cls._build(pack, pack_version(pack.canonical_bytes()))

    @classmethod
    def from_canonical(cls, canonical: bytes) -> Self:
        """Read a city back from the bytes that were published."""
        return cls._build(Pack.model_validate_json(canonical), pack_version(canonical))

    @classmethod
    def _build(cls, pack: Pack, version: str) -> Self:
        zone = ZoneInfo(pack.zone)
        calendar = WorkingCalendar.of(pack.calendar, zone)
        return cls(
            pack=pack,
            version=version,
            zone=zone,
            calendar=calendar,
            geography=GeographyIndex.of(pack.geography),
            departments={department.id: department for department in pack.departments},
            sources={source.id: source for source in pack.sources},
            classes={each.code: each for each in pack.catalogue.classes},
            rows={row.id: row for row in pack.catalogue.rows},
            imports={mapping.id: mapping for mapping in pack.imports},
            rule_index=RuleIndex.of(pack, calendar),
        )

    @property
    def id(self) -> str:
        """The city's id: the first part of its areas."""
        return self.pack.id

    @property
    def clocks(self) -> StageLimits:
        """How long each stage may take."""
        return self.pack.clocks

    @property
    def matching(self) -> MatchingPolicy:
        """When two reports are about the same thing, for all classes; see ``match_terms`` for one of them."""
        return self.pack.matching

    @property
    def screening(self) -> ScreeningPolicy:
        """What an alarm must pass, for all classes; see ``screen_terms`` for one of them."""
        return self.pack.screening

    @property
    def indicators(self) -> Indicators:
        """What is counted and which rates are made of it."""
        return self.pack.indicators

    @cached_property
    def areas(self) -> frozenset[str]:
        """All areas. With areas by district the city's own id is one too: of reports whose district is unknown."""
        if self.pack.area_level == "city":
            return frozenset({self.id})
        districts = (place.code for place in self.pack.geography.places if place.level == "district")
        return frozenset({self.id, *(f"{self.id}.{code.lower()}" for code in districts)})

    def area_of(self, place: PlaceCodes) -> str:
        """Name the area in which a report from there is matched; it never changes for a case."""
        if self.pack.area_level == "city" or place.district is None:
            return self.id
        return f"{self.id}.{place.district.lower()}"

    def locate(self, latitude: float, longitude: float) -> PlaceCodes:
        """Find district, street, community, grid cell and named areas of a WGS-84 position."""
        return self.geography.locate(latitude, longitude)

    def locate_code(self, code: str | None) -> PlaceCodes:
        """Say what a place's code alone tells: a street's code tells its district too."""
        return self.geography.locate_code(code) if code else UNKNOWN_PLACE

    def find_category(self, source: str, word: str) -> Category | None:
        """Find what a source's own word stands for: the source's entries first, then those for its channel."""
        return self._categories.get((source, word)) or self._categories.get((self._channel_of(source), word))

    def find_row(self, class_code: str, condition: str | None = None) -> CatalogueRow | None:
        """Choose the catalogue row of a class: the one with that condition code, or the default row."""
        return self.rows.get(f"{class_code}-{condition}") if condition else self._default_rows.get(class_code)

    def handling_limit(self, row: CatalogueRow | None) -> TimeLimit | None:
        """Name the handling limit of a row; None: there is none unless one was promised."""
        return row.limit if row and row.limit else self.clocks.handle

    def accept_limit(self, row: CatalogueRow | None) -> TimeLimit:
        """Name the time within which the department must take the order."""
        return row.accept_limit if row and row.accept_limit else self.clocks.accept

    def route(self, routing_input: RoutingInput) -> RouteDecision:
        """Name the department that must act, by the first rule that covers the matter."""
        return self.rule_index.route(routing_input)

    def matching_for(self, class_code: str | None) -> EffectiveMatching:
        """Say how near and how soon reports of a class must be to be one case."""
        return effective_matching(self.matching, class_code)

    def screening_for(self, class_code: str | None) -> EffectiveScreening:
        """Say what an alarm of a class must pass."""
        return effective_screening(self.screening, class_code)

    def local_day(self, at: datetime) -> date:
        """Name the city's date of an aware time."""
        return self.calendar.local_day(at)

    def _channel_of(self, source: str) -> str:
        found_source = self.sources.get(source)
        return found_source.kind if found_source else ""

    @cached_property
    def _categories(self) -> Mapping[tuple[str, str], Category]:
        return {(entry.source, entry.word): entry for entry in self.pack.catalogue.categories}

    @cached_property
    def _default_rows(self) -> Mapping[str, CatalogueRow]:
        return {row.class_code: row for row in self.pack.catalogue.rows if row.default}
