"""Read access by key or post: a department reads its own orders, a role the cases of its cities, within its bounds."""

from dataclasses import replace

from paidan_chassis.edge.api_keys import Principal
from paidan_chassis.edge.problems import Problem, forbidden, not_found
from paidan_contracts import case_access
from paidan_contracts.ids import city_of
from paidan_contracts.scopes import ALL_CITIES, covers_city, grants_of
from paidan_contracts.state import CaseState
from paidan_dispatch.api.case_filter import CaseFilter
from paidan_dispatch.api.queries import OutcomeScope


def may_read_cases(principal: Principal) -> bool:
    """Return whether the key may read whole cases; a department's may not."""
    return case_access.may_read_cases(grants_of(principal.scopes))


def require_case_access(principal: Principal) -> None:
    """Raise Problem 403 unless the key may read whole cases."""
    if not may_read_cases(principal):
        raise forbidden(
            "the key may not read cases; a department finds its own under /v1/orders",
            "该密钥无权查看案件；责任单位请在 /v1/orders 查看自己的派单",
        )


def no_such_case() -> Problem:
    """Return the 404 of a case that does not exist, or that is not the caller's to see: the answers do not differ."""
    return not_found("there is no such case", "无此案件")


def may_see(state: CaseState, principal: Principal) -> bool:
    """Return whether a case is the caller's to see: within a post's bounds, by a role or by a department's order."""
    return case_access.may_see(grants_of(principal.scopes), state)


def is_within_bounds(state: CaseState, principal: Principal) -> bool:
    """Return whether a case is within the classes and places of the caller's post. A key has no bounds."""
    return case_access.is_within_bounds(grants_of(principal.scopes), state.class_code, state.place)


def bounded(case_filter: CaseFilter, principal: Principal) -> CaseFilter:
    """Return the filter within the classes and places of the caller's post, so that its pages are full."""
    grants = grants_of(principal.scopes)
    return replace(case_filter, within_classes=sorted(grants.classes), within_places=sorted(grants.places))


def covers_area(principal: Principal, area: str) -> bool:
    """Return whether the key is valid for the city of this area."""
    return covers_city(principal.city, city_of(area))


def resolve_city_filter(principal: Principal, city: str | None) -> str | None:
    """Return the city to list; None for all of them, for a key that is valid for all. Raises Problem 403."""
    if city is None:
        return None if principal.city == ALL_CITIES else principal.city
    if not covers_city(principal.city, city):
        raise Problem(403, "forbidden", "the key is not valid for this city", "该密钥不适用于此城市", "city")
    return city


def may_read_outcome(principal: Principal, scope: OutcomeScope) -> bool:
    """Return whether an outcome is the caller's to read; within bounds, of its own actions alone."""
    if scope.area is not None and not covers_area(principal, scope.area):
        return False
    grants = grants_of(principal.scopes)
    if grants.department is not None:
        return scope.sender == f"department:{grants.department}"
    if grants.source is not None and scope.sender == f"source:{grants.source}":
        return True
    if grants.is_bounded:
        return scope.sender is not None and scope.sender.endswith(f":{principal.key_id}")
    return may_read_cases(principal)
