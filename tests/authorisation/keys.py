"""Keys of every kind: for the own city, for another, for all; and keys that open nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import asyncpg

from paidan_chassis.clock import real_now
from paidan_chassis.edge.api_keys import NewApiKey, add_key, generate_key, revoke_key
from paidan_contracts.scopes import ALL_CITIES

KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "source": ("source:hotline",),
    "other source": ("source:photo",),
    "camera": ("source:camera",),
    "department": ("department:streets",),
    "other department": ("department:lamps",),
    "inspector": ("role:inspector",),
    "member": ("role:inspector", "member:streets"),
    "caller": ("role:caller",),
    "operator": ("role:operator",),
    "monitor": ("role:monitor",),
    "importer": ("role:importer", "backdate"),
    "admin": ("role:admin",),
    "security": ("role:security",),
    "auditor": ("role:auditor",),
    "backdate": ("backdate",),
    "privacy officer": ("role:privacy_officer",),
}
CITIES: Final = ("tiny", "other", ALL_CITIES)
Headers = dict[str, str]


@dataclass(slots=True)
class Keys:
    """The headers of keys by kind and city, and of keys that open nothing."""

    valid: dict[tuple[str, str], Headers]
    invalid: dict[str, Headers]


def make_keys() -> tuple[list[NewApiKey], Keys]:
    """Return a key of every kind for every city, as it is stored and as it is sent, and keys that open nothing."""
    stored, keys = [], Keys({}, {"no key": {}, "unknown key": bearer("pdk_" + "a" * 43)})

    def make(scopes: tuple[str, ...], city: str, *, name: str, days: int) -> Headers:
        expires_at = real_now() + timedelta(days=days)
        token, key = generate_key(name=name, city=city, scopes=scopes, expires_at=expires_at)
        stored.append(key)
        return bearer(token)

    for kind, scopes in KINDS.items():
        for city in CITIES:
            keys.valid[kind, city] = make(scopes, city, name=kind, days=1)
    every_role = tuple(sorted({scope for scopes in KINDS.values() for scope in scopes if scope.startswith("role:")}))
    keys.invalid["revoked key"] = make(every_role, ALL_CITIES, name="revoked", days=1)
    keys.invalid["expired key"] = make(every_role, ALL_CITIES, name="expired", days=-1)
    return stored, keys


def bearer(token: str) -> Headers:
    """Return the header that carries a key."""
    return {"authorization": f"Bearer {token}"}


async def store_keys(dsn: str, schema: str, stored: list[NewApiKey]) -> None:
    """Store keys in a service's schema."""
    conn = await asyncpg.connect(dsn)
    try:
        for key in stored:
            await add_key(conn, schema, key)
            if key.name == "revoked":
                await revoke_key(conn, schema, key.key_id)
    finally:
        await conn.close()
