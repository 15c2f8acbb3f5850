"""Validates a pack across its parts: references, duplicates, ranges, and rules that never apply."""

from paidan_contracts.city.diagnostics import Violation
from paidan_contracts.city.pack import Pack
from paidan_contracts.city.validation.answerable import check_answerable
from paidan_contracts.city.validation.calendar import check_calendar
from paidan_contracts.city.validation.case_numbers import check_numbering
from paidan_contracts.city.validation.catalogue import check_catalogue
from paidan_contracts.city.validation.emergencies import check_emergencies
from paidan_contracts.city.validation.escalation import check_escalation
from paidan_contracts.city.validation.geography import check_geography
from paidan_contracts.city.validation.indicators_and_imports import check_imports, check_indicators
from paidan_contracts.city.validation.organisation import check_organisation
from paidan_contracts.city.validation.plausibility import find_implausible
from paidan_contracts.city.validation.policies import check_policies
from paidan_contracts.city.validation.posts import check_posts
from paidan_contracts.city.validation.privacy import check_privacy
from paidan_contracts.city.validation.references import KnownIds
from paidan_contracts.city.validation.routing import check_routing
from paidan_contracts.city.validation.verification import check_verification

__all__ = ["find_implausible", "validate"]


def validate(pack: Pack, pruned_ids: frozenset[str] = frozenset()) -> list[Violation]:
    """Return every error. ``pruned_ids`` belong to entries that were left out: references to them are valid."""
    known_ids = KnownIds.of(pack, pruned_ids)
    return [
        *check_organisation(pack, known_ids),
        *check_posts(pack, known_ids),
        *check_answerable(pack, known_ids),
        *check_catalogue(pack, known_ids),
        *check_routing(pack, known_ids),
        *check_calendar(pack),
        *check_geography(pack, known_ids),
        *check_policies(pack, known_ids),
        *check_numbering(pack),
        *check_escalation(pack, known_ids),
        *check_verification(pack, known_ids),
        *check_emergencies(pack, known_ids),
        *check_privacy(pack),
        *check_indicators(pack, known_ids),
        *check_imports(pack, known_ids),
    ]
