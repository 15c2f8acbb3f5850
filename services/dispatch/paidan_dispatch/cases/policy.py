"""A city's pack made ready for dispatch: the look-ups that its decisions make, each built once. It decides nothing."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from paidan_contracts.city import NOWHERE, City, Spot
from paidan_contracts.city.class_overrides import MatchTerms
from paidan_contracts.city.pack_types import Limit
from paidan_contracts.places import Place
from paidan_contracts.state import RuleRef
from paidan_dispatch.cases.working_time import Clock


@dataclass(frozen=True, slots=True, eq=False)
class Bylaws:
    """A city under the version that a lane's own log put in force. Built once for each version."""

    city: City
    clock: Clock
    _match_terms: dict[str, MatchTerms] = field(default_factory=dict)
    _receipts: dict[str, RuleRef] = field(default_factory=dict)

    @classmethod
    def of(cls, city: City) -> Self:
        """Make a city ready."""
        return cls(city, Clock.of(city.calendar))

    @property
    def version(self) -> str:
        """The pack's version: part of every receipt."""
        return self.city.version

    def deadline(self, start: datetime, limit: Limit) -> datetime:
        """Say when a limit that begins at an aware time ends; raises ``CalendarEnded`` past the calendar's table."""
        return self.clock.deadline(start, limit)

    def match_terms(self, class_code: str) -> MatchTerms:
        """Say how near and how soon reports of a class must be to be one case."""
        terms = self._match_terms.get(class_code)
        if terms is None:
            terms = self._match_terms[class_code] = self.city.match_terms(class_code)
        return terms

    def receipt(self, rule: str) -> RuleRef:
        """Name a rule together with the version that it stood in."""
        receipt = self._receipts.get(rule)
        if receipt is None:
            receipt = self._receipts[rule] = RuleRef(rule=rule, city_version=self.version)
        return receipt

    def spot(self, place: Place) -> Spot:
        """Say where a place is in the words of routing rules; named areas are looked up by its position."""
        return Spot(place.district, place.street, place.community, place.grid, self._areas(place))

    def _areas(self, place: Place) -> frozenset[str]:
        drawn = self.city.ground.areas
        if not drawn or place.latitude is None or place.longitude is None:
            return NOWHERE.areas
        point = (place.longitude, place.latitude)
        return frozenset([area.code for area in drawn if area.holds(point)])
