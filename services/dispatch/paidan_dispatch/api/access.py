"""Who may do and see what, by the key alone: a department its own orders, a role the cities of its key."""

from typing import Final

from paidan_chassis.edge.api_keys import Principal
from paidan_chassis.edge.problems import Problem, forbidden
from paidan_contracts.actions import Action, Actor
from paidan_contracts.scopes import ALL_CITIES, Role, covers_city, grants_of
from paidan_dispatch.actions.answers import department_sender
from paidan_dispatch.cases.table import role_may
from paidan_dispatch.inbox.decide_batch import city_of

_ACTION_ROLES: Final[tuple[Role, ...]] = ("inspector", "caller", "operator", "importer")
_READ_ROLES: Final[tuple[Role, ...]] = ("inspector", "caller", "operator", "monitor", "importer")


def actor_of(principal: Principal, action: Action) -> Actor:
    """Name who acts. A key with several roles acts in the one that may do this; whether it may now is judged later."""
    grants = grants_of(principal.scopes)
    if grants.department is not None:
        return Actor(kind="department", id=grants.department)
    roles = [role for role in _ACTION_ROLES if role in grants.roles]
    if not roles:
        raise forbidden("the key may not act on cases", "该密钥无权处理案件")
    actors = [Actor.model_validate({"kind": role, "id": principal.key_id}) for role in roles]
    return next((actor for actor in actors if role_may(actor, action.kind)), actors[0])


def request_sender(principal: Principal, actor: Actor) -> str:
    """Name who sends, so that the ids of two senders never meet; a department is the same at both doors.

    An import is the same under whatever key it runs again: its ids are those of the records.
    """
    if actor.kind == "importer":
        return f"role:importer:{principal.city}"
    return department_sender(actor.id) if actor.kind == "department" else f"role:{actor.kind}:{principal.key_id}"


def may_read_cases(principal: Principal) -> bool:
    """Tell whether the key may look at cases as a whole; a department's may not."""
    grants = grants_of(principal.scopes)
    return grants.department is None and grants.has_role(*_READ_ROLES)


def require_case_access(principal: Principal) -> None:
    """Refuse a key that may not look at cases as a whole."""
    if not may_read_cases(principal):
        raise forbidden(
            "the key may not look at cases; a department finds its own under /v1/orders", "该密钥无权查看案件"
        )


def covers_area(principal: Principal, area: str) -> bool:
    """Tell whether the key is good for the city of this area."""
    return covers_city(principal.city, city_of(area))


def resolve_city_filter(principal: Principal, city: str | None) -> str | None:
    """Say which city a list is to be about; None: all of them, for a key that is good for all."""
    if city is None:
        return None if principal.city == ALL_CITIES else principal.city
    if not covers_city(principal.city, city):
        raise Problem(403, "forbidden", "the key is not good for this city", "该密钥不适用于此城市", "city")
    return city
