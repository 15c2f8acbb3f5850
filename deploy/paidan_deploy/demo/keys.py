"""The keys of the demo city's people, handed out for one day and taken back after it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from paidan_contracts.city import City
from paidan_deploy.provisioning.api_keys import Connection, grant, revoke

_ROLES = ("inspector", "caller", "operator", "monitor")


@dataclass(slots=True)
class Badges:
    """Tokens, by whom they are for."""

    sources: dict[str, str] = field(default_factory=dict)
    departments: dict[str, str] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)

    @classmethod
    @asynccontextmanager
    async def handed_out(cls, connection: Connection, city: City) -> "AsyncIterator[Badges]":
        """Make a key for each source, department and role of the city."""
        badges, made = cls(), []

        async def key(name: str, scope: str) -> str:
            token, key_id = await grant(connection, name=f"demo {name}", city=city.id, scopes=(scope,))
            made.append(key_id)
            return token

        try:
            for source in city.sources:
                badges.sources[source] = await key(source, f"source:{source}")
            for department in city.departments:
                badges.departments[department] = await key(department, f"department:{department}")
            for role in _ROLES:
                badges.roles[role] = await key(role, f"role:{role}")
            yield badges
        finally:
            for key_id in made:
                await revoke(connection, key_id)
