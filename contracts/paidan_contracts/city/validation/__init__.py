"""Finds what is wrong with a pack whose parts can be read: what they must agree on. All of it, in one go."""

from paidan_contracts.city.diagnostics import Fault
from paidan_contracts.city.pack import Pack
from paidan_contracts.city.validation.calendar import check_calendar
from paidan_contracts.city.validation.catalogue import check_catalogue
from paidan_contracts.city.validation.geography import check_places
from paidan_contracts.city.validation.indicators_and_imports import (
    check_imports,
    check_indicators,
    check_terms,
)
from paidan_contracts.city.validation.organisation import check_organisation
from paidan_contracts.city.validation.references import Known
from paidan_contracts.city.validation.routing import check_routing

__all__ = ["check"]


def check(pack: Pack, excused: frozenset[str] = frozenset()) -> list[Fault]:
    """Find every fault; ids in ``excused`` belong to entries that were left out, and are not missed."""
    known = Known.of(pack, excused)
    return [
        *check_organisation(pack, known),
        *check_catalogue(pack, known),
        *check_routing(pack, known),
        *check_calendar(pack),
        *check_places(pack, known),
        *check_terms(pack, known),
        *check_indicators(pack, known),
        *check_imports(pack, known),
    ]
