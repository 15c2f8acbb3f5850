"""Points that reports with many different addresses share, such as a geocoder's fall-back: no merge follows from them.

Known by the open cases of the class within reach: by those that were opened there, and by reports that joined them.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias
from unicodedata import normalize

from paidan_contracts.reports import ReportReceived
from paidan_contracts.state import CaseState

Point: TypeAlias = tuple[float | None, float | None]
"""Latitude and longitude, exactly as they were stated."""


@dataclass(frozen=True, slots=True)
class SharedPoints:
    """Judges the points of one report and of the open cases that it may join."""

    report: ReportReceived
    case_ids: Iterable[str]
    """Of the open cases within reach."""
    limit: int
    """So many different addresses a point may have."""
    state_of: Callable[[str], CaseState]

    def is_shared(self, point: Point) -> bool:
        """Return whether more than ``limit`` different addresses are known for exactly this point.

        What has no address says nothing.
        """
        known: set[str] = set()
        for address in self._addresses_at(point):
            known.add(_comparable(address))
            if len(known) > self.limit:
                return True
        return False

    def _addresses_at(self, point: Point) -> Iterator[str]:
        place = self.report.place
        if place.address and (place.latitude, place.longitude) == point:
            yield place.address
        for case_id in self.case_ids:
            state = self.state_of(case_id)
            if state.place.address and (state.place.latitude, state.place.longitude) == point:
                yield state.place.address
            for each in state.joined:
                if each.address and (each.latitude, each.longitude) == point:
                    yield each.address


def _comparable(address: str) -> str:
    return "".join(normalize("NFKC", address).split()).casefold()
