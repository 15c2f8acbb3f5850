"""The scopes of an API key, and what each of them grants. The chassis stores and looks up keys."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, get_args

Role = Literal["inspector", "caller", "operator", "monitor", "importer", "admin", "privacy_officer"]

ALL_CITIES: Final = "*"
"""The city of a key that is valid in every city."""

_ROLES: Final[tuple[Role, ...]] = get_args(Role)
_SCOPE: Final = re.compile(
    rf"backdate|role:({'|'.join(_ROLES)})|(source|department):[a-z0-9]([a-z0-9._-]{{0,78}}[a-z0-9])?"
)
_CITY: Final = re.compile(r"\*|[a-z0-9]+")


class InvalidScope(Exception):
    """A key cannot have this scope or this city."""


@dataclass(frozen=True, slots=True)
class Grants:
    """What the holder of a key may do, read from the key's scopes."""

    source: str | None
    """The only source that the key may report for."""
    department: str | None
    """The only department that the key may answer for."""
    roles: frozenset[Role]
    """An admin's key holds every role but that of the privacy officer, which is a duty of its own."""
    may_backdate: bool
    """Whether time limits are judged by the times that the sender states, instead of the times of receipt."""

    def has_role(self, *roles: Role) -> bool:
        """Return whether the key holds at least one of these roles."""
        return not self.roles.isdisjoint(roles)


@lru_cache(maxsize=4096)
def grants_of(scopes: frozenset[str]) -> Grants:
    """Return what these scopes grant. Cached, because every HTTP request needs it."""
    return Grants(
        source=_only_value(scopes, "source:"),
        department=_only_value(scopes, "department:"),
        roles=frozenset(role for role in _ROLES if scopes & {_admin_scope(role), f"role:{role}"}),
        may_backdate="backdate" in scopes,
    )


@lru_cache(maxsize=4096)
def covers_city(key_city: str, city: str) -> bool:
    """Return whether a key of ``key_city`` is valid in this city. Cached, as ``grants_of`` is."""
    return key_city in (city, ALL_CITIES)


def validate_key(city: str, scopes: Collection[str]) -> None:
    """Raise ``InvalidScope`` unless a new key may have this city and these scopes.

    A key has at least one scope, and at most one source and one department.
    """
    for scope in scopes:
        if not _SCOPE.fullmatch(scope):
            raise InvalidScope(f"scope {scope!r} is none of source:<id>, department:<id>, role:<role>, backdate")
    for prefix in ("source:", "department:"):
        if sum(scope.startswith(prefix) for scope in set(scopes)) > 1:
            raise InvalidScope(f"a key has at most one {prefix[:-1]} scope")
    if not scopes:
        raise InvalidScope("a key needs at least one scope")
    if not _CITY.fullmatch(city):
        raise InvalidScope(f"city {city!r} is neither a city's id nor * for all cities")


def _admin_scope(role: Role) -> str:
    return "" if role == "privacy_officer" else "role:admin"


def _only_value(scopes: frozenset[str], prefix: str) -> str | None:
    values = [scope.removeprefix(prefix) for scope in scopes if scope.startswith(prefix)]
    return values[0] if len(values) == 1 else None
