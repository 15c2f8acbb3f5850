"""Finds what is wrong with a pack whose parts can be read: what they must agree on. All of it, in one go."""

from paidan_contracts.city.diagnostics import Violation
from paidan_contracts.city.pack import Pack
from paidan_contracts.city.validation.calendar import check_calendar
from paidan_contracts.city.validation.catalogue import check_catalogue
from paidan_contracts.city.validation.geography import check_geography
from paidan_contracts.city.validation.indicators_and_imports import (
    check_imports,
    check_indicators,
    check_terms,
)
from paidan_contracts.city.validation.organisation import check_organisation
from paidan_contracts.city.validation.references import KnownIds
from paidan_contracts.city.validation.routing import check_routing

__all__ = ["validate"]


def validate(pack: Pack, pruned_ids: frozenset[str] = frozenset()) -> list[Violation]:
    """Find every fault; ids in ``excused`` belong to entries that were left out, and are not missed."""
    known_ids = KnownIds.of(pack, pruned_ids)
    return [
        *check_organisation(pack, known_ids),
        *check_catalogue(pack, known_ids),
        *check_routing(pack, known_ids),
        *check_calendar(pack),
        *check_geography(pack, known_ids),
        *check_terms(pack, known_ids),
        *check_indicators(pack, known_ids),
        *check_imports(pack, known_ids),
    ]
