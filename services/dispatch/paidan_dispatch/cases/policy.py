"""A city's pack made ready for dispatch: the look-ups that its decisions make, each built once. It decides nothing."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from paidan_contracts.city import UNKNOWN_PLACE, City, PlaceCodes
from paidan_contracts.city.catalogue import CatalogueRow
from paidan_contracts.city.class_overrides import EffectiveMatching, effective_matching
from paidan_contracts.city.pack_types import TimeLimit
from paidan_contracts.places import Place
from paidan_contracts.state import RuleRef
from paidan_dispatch.cases.working_time import WorkingTime


@dataclass(frozen=True, slots=True, eq=False)
class CityPolicy:
    """A city under the version that a lane's own log put in force. Built once for each version."""

    city: City
    working_time: WorkingTime
    _match_terms: dict[str, EffectiveMatching] = field(default_factory=dict)
    _rule_refs: dict[str, RuleRef] = field(default_factory=dict)

    @classmethod
    def from_city(cls, city: City) -> Self:
        """Make a city ready."""
        return cls(city, WorkingTime.from_calendar(city.calendar))

    @property
    def version(self) -> str:
        """The pack's version: part of every receipt."""
        return self.city.version

    def deadline(self, start: datetime, limit: TimeLimit) -> datetime:
        """Say when a limit that begins at an aware time ends; raises ``CalendarEnded`` past the calendar's table."""
        return self.working_time.deadline(start, limit)

    def handling_limit(self, row: CatalogueRow | None) -> TimeLimit | None:
        """Return the time in which a case of this row must be handled; None where neither row nor city limits it."""
        return row.limit if row and row.limit else self.city.clocks.handle

    def accept_limit(self, row: CatalogueRow | None) -> TimeLimit:
        """Return the time in which the department must accept the order."""
        return row.accept_limit if row and row.accept_limit else self.city.clocks.accept

    def match_terms(self, class_code: str) -> EffectiveMatching:
        """Say how near and how soon reports of a class must be to be one case."""
        terms = self._match_terms.get(class_code)
        if terms is None:
            terms = self._match_terms[class_code] = effective_matching(self.city.matching, class_code)
        return terms

    def rule_ref(self, rule: str) -> RuleRef:
        """Name a rule together with the version that it stood in."""
        rule_ref = self._rule_refs.get(rule)
        if rule_ref is None:
            rule_ref = self._rule_refs[rule] = RuleRef(rule=rule, city_version=self.version)
        return rule_ref

    def place_codes(self, place: Place) -> PlaceCodes:
        """Say where a place is in the words of routing rules; named areas are looked up by its position."""
        return PlaceCodes(place.district, place.street, place.community, place.grid, self._area_codes(place))

    def _area_codes(self, place: Place) -> frozenset[str]:
        areas = self.city.geography.areas
        if not areas or place.latitude is None or place.longitude is None:
            return UNKNOWN_PLACE.areas
        point = (place.longitude, place.latitude)
        return frozenset([area.code for area in areas if area.contains(point)])
