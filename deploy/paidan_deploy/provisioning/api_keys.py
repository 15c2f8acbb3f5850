"""Creates and revokes API keys in every service at once, so that no service reads another's schema."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from paidan_chassis import city_packs
from paidan_chassis.city_packs import ItemId
from paidan_chassis.clock import real_now
from paidan_chassis.database import Connection
from paidan_chassis.edge.api_keys import ApiKey, NewApiKey, add_key, generate_key, list_keys, revoke_key
from paidan_chassis.edge.audit import AccessEvent, log_access
from paidan_contracts.nearest import Hint, nearest
from paidan_contracts.scopes import ALL_CITIES, InvalidScope, Meaning, validate_key
from paidan_deploy.services import SERVICES

DEFAULT_VALIDITY: Final = timedelta(days=365)
OWN_VALIDITY: Final = timedelta(days=7)
"""Of the keys that a command makes for itself and revokes at its end."""
_LISTS: Final = {"source": "sources", "department": "departments", "member": "departments"}


async def create_key(
    connection: Connection,
    *,
    name: str,
    city: str,
    scopes: Collection[str],
    valid_for: timedelta = DEFAULT_VALIDITY,
    granted_by: str = "paidan",
) -> tuple[str, str]:
    """Create a key that is valid in every service; return its token, which is not stored, and its id.

    Raises ``InvalidScope`` for a scope or city that a key cannot have. The grant is in each service's access log.
    """
    validate_key(city, scopes)
    expires_at = real_now() + valid_for
    token, key = generate_key(name=name, city=city, scopes=scopes, expires_at=expires_at, granted_by=granted_by)
    await store_key(connection, key, kind="key_granted")
    return token, key.key_id


async def store_key(connection: Connection, key: NewApiKey, *, kind: str) -> None:
    """Store a key in every service, or its new end, and log the grant in each."""
    until = f"{key.expires_at.astimezone(UTC):%Y-%m-%d %H:%M}" if key.expires_at else "-"
    detail = f"name={key.name} city={key.city} scopes={' '.join(key.scopes)} until={until}"
    event = AccessEvent(kind, key.granted_by or "paidan", key.key_id, detail=detail)
    async with connection.transaction():
        for service in SERVICES:
            await add_key(connection, service.name, key)
            await log_access(connection, event, schema=service.name)


async def require_published(connection: Connection, city: str, scopes: Collection[str]) -> None:
    """Raise ``InvalidScope``, naming the nearest, for a city, source or department that no published pack has."""
    items = await city_packs.load_item_ids(connection, sorted(set(_LISTS.values())))
    mistakes = [*_unknown(city, scopes, items, await city_packs.load_newest_versions(connection))]
    if mistakes:
        raise InvalidScope(mistakes)


def _unknown(
    city: str, scopes: Collection[str], items: Collection[ItemId], cities: Collection[str]
) -> Iterator[Meaning]:
    if city not in (ALL_CITIES, *cities):
        hint, known = nearest(city, cities), ", ".join(sorted(cities))
        yield Meaning(
            f"no city {city} is published; there are: {known or 'none'}{hint.en}",
            f"尚未发布城市 {city}；已发布：{known or '无'}{hint.zh}",
        )
        return
    for scope in scopes:
        prefix, _, id_ = scope.partition(":")
        of_kind = [each for each in items if each.list_name == _LISTS.get(prefix)]
        here = {each.id for each in of_kind if city in (ALL_CITIES, each.city)}
        if prefix in _LISTS and id_ not in here:
            yield _unknown_item(city, scope, id_, of_kind, here)


def _unknown_item(city: str, scope: str, id_: str, of_kind: Sequence[ItemId], here: Collection[str]) -> Meaning:
    elsewhere = ", ".join(sorted({each.city for each in of_kind if each.id == id_}))
    hint = Hint(f"; {elsewhere} has it", f"；{elsewhere} 有") if elsewhere else nearest(id_, here)
    where = (
        Meaning("any city's pack", "任何城市")
        if city == ALL_CITIES
        else Meaning(f"the pack of {city}", f"{city} 的配置包")
    )
    return Meaning(f"{scope}: not in {where.en}{hint.en}", f"{scope}：{where.zh}没有此编号{hint.zh}")


async def revoke_everywhere(connection: Connection, key_id: str, *, revoked_by: str = "paidan") -> bool:
    """Revoke a key in every service; False when it does not exist. Running services refuse it within seconds."""
    async with connection.transaction():
        revoked = [await revoke_key(connection, service.name, key_id) for service in SERVICES]
        if any(revoked):
            for service in SERVICES:
                await log_access(connection, AccessEvent("key_revoked", revoked_by, key_id), schema=service.name)
    return any(revoked)


async def all_keys(connection: Connection) -> list[ApiKey]:
    """List every key, oldest first, with its last use in any service; all services store the same ones."""
    by_service = [await list_keys(connection, service.name) for service in SERVICES]
    uses: dict[str, list[datetime]] = {}
    for key in (each for keys in by_service for each in keys):
        uses.setdefault(key.key_id, []).extend([key.last_used_at] if key.last_used_at else [])
    return [replace(key, last_used_at=max(uses[key.key_id], default=None)) for key in by_service[0]]
