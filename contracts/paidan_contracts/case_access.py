"""Which cases the holder of a key or a post may see, and act on: within classes and places, or by a valid order."""

from collections.abc import Collection
from typing import Final

from paidan_contracts.assignments import open_unit_order
from paidan_contracts.city import City
from paidan_contracts.city.class_overrides import matches_class
from paidan_contracts.places import Place
from paidan_contracts.scopes import Grants, Role
from paidan_contracts.state import CaseState

READ_ROLES: Final[tuple[Role, ...]] = ("inspector", "caller", "operator", "monitor", "importer")
ACTION_ROLES: Final[tuple[Role, ...]] = ("inspector", "caller", "operator", "importer")


def may_read_cases(grants: Grants) -> bool:
    """Return whether these grants show whole cases; a department sees its own orders."""
    return grants.department is None and grants.has_role(*READ_ROLES)


def is_within_bounds(grants: Grants, class_code: str | None, place: Place) -> bool:
    """Return whether a class and a place are among those to which the grants are bounded.

    An unknown class or place is within no bounds: such a case is the whole city's to look at.
    """
    return lies_within_bounds(grants, class_code, {place.district, place.street, place.community})


def lies_within_bounds(grants: Grants, class_code: str | None, lies_in: Collection[str | None]) -> bool:
    """Return the same of a class and of the codes of the district, street and community in which something lies."""
    has_class = not grants.classes or any(matches_class(pattern, class_code) for pattern in grants.classes)
    return has_class and (not grants.places or not grants.places.isdisjoint(lies_in))


def has_order(state: CaseState, department: str) -> bool:
    """Return whether a department has a valid order in a case: to lead, to help, or handed on to it."""
    if state.past:
        return False
    leads = state.department == department and state.status not in ("received", "filed")
    handed_on = open_unit_order(state.assignments)
    if leads or (handed_on is not None and handed_on.unit == department):
        return True
    return any(
        each.department == department and each.returned_at is None and each.withdrawn_at is None
        for each in state.helpers
    )


def barred_units(complained_of: str, city: City) -> frozenset[str]:
    """Return who neither handles nor judges a complaint about a unit: itself, those below it, and those above it.

    Those above may where the city's pack says that a supervising unit takes it.
    """
    tree, complaints = city.units, city.pack.complaints
    above = () if complaints is not None and complaints.supervising_unit else tree.above.get(complained_of, ())
    return frozenset({complained_of, *tree.below.get(complained_of, ()), *above})


def may_see(grants: Grants, state: CaseState) -> bool:
    """Return whether the holder sees a case: whole for a role, its order alone for a department.

    A source, which sees its own reports, sees no case by these grants.
    """
    if not is_within_bounds(grants, state.class_code, state.place):
        return False
    return has_order(state, grants.department) if grants.department is not None else may_read_cases(grants)


def may_act(grants: Grants, state: CaseState) -> bool:
    """Return whether the holder may ask for an action on a case. Which one is allowed now is decided by dispatch."""
    return may_see(grants, state) and (grants.department is not None or grants.has_role(*ACTION_ROLES))
