"""API keys of the demo city's actors, created for one day and revoked after it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from paidan_chassis.database import Connection
from paidan_contracts.city import City
from paidan_deploy.provisioning.api_keys import OWN_VALIDITY, create_key, revoke_everywhere

_STAFF_ROLES = ("inspector", "caller", "operator", "monitor")


@dataclass(slots=True)
class DemoKeys:
    """Tokens by source, department and role."""

    sources: dict[str, str] = field(default_factory=dict)
    departments: dict[str, str] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)

    @classmethod
    @asynccontextmanager
    async def issued(cls, connection: Connection, city: City) -> "AsyncIterator[DemoKeys]":
        """Create a key for each source, department and role of the city; revoke all at the end."""
        issued_keys, key_ids = cls(), []

        async def create_token(name: str, scope: str) -> str:
            token, key_id = await create_key(
                connection, name=f"demo {name}", city=city.id, scopes=(scope,), valid_for=OWN_VALIDITY
            )
            key_ids.append(key_id)
            return token

        try:
            for source in city.sources:
                issued_keys.sources[source] = await create_token(source, f"source:{source}")
            for department in city.departments:
                issued_keys.departments[department] = await create_token(department, f"department:{department}")
            for role in _STAFF_ROLES:
                issued_keys.roles[role] = await create_token(role, f"role:{role}")
            # Somebody else, where two must decide.
            issued_keys.roles["operator-2"] = await create_token("operator-2", "role:operator")
            yield issued_keys
        finally:
            for key_id in key_ids:
                await revoke_everywhere(connection, key_id)
