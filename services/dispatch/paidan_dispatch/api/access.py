"""Read access by API key: a department reads its own orders, a role the cases of its key's cities."""

from typing import Final

from paidan_chassis.edge.api_keys import Principal
from paidan_chassis.edge.problems import Problem, forbidden, not_found
from paidan_contracts.ids import city_of
from paidan_contracts.scopes import ALL_CITIES, Role, covers_city, grants_of
from paidan_contracts.state import CaseState
from paidan_dispatch.cases.case_state import is_active

_READ_ROLES: Final[tuple[Role, ...]] = ("inspector", "caller", "operator", "monitor", "importer")


def may_read_cases(principal: Principal) -> bool:
    """Return whether the key may read whole cases; a department's may not."""
    grants = grants_of(principal.scopes)
    return grants.department is None and grants.has_role(*_READ_ROLES)


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


def may_read_all_of(state: CaseState, principal: Principal) -> bool:
    """Return whether the key may read all reports of a case: a role's key, or that of a department with an order."""
    department = grants_of(principal.scopes).department
    if department is None:
        return may_read_cases(principal)
    return has_order(state, department)


def has_order(state: CaseState, department: str) -> bool:
    """Return whether a department has a valid order in this case, as the one that leads or as one that helps."""
    if state.past:
        return False
    leads = state.department == department and state.status not in ("received", "filed")
    return leads or any(each.department == department and is_active(each) for each in state.helpers)


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
