"""Reads city packs back as they were published."""

from typing import Final

from paidan_contracts.city import City
from paidan_deploy.errors import DeployError
from paidan_deploy.provisioning.api_keys import Connection

SELECT_NEWEST: Final = """
    SELECT content
      FROM cities.pack
     WHERE city = $1
     ORDER BY published_at DESC, version
     LIMIT 1
"""


async def newest_pack(connection: Connection, city: str) -> City:
    """Read a city's newest pack. Raises ``DeployError`` when there is none."""
    content = await connection.fetchval(SELECT_NEWEST, city)
    if content is None:
        raise DeployError(f"no city called {city} is published; `paidan city publish DIR` does that")
    return City.from_canonical(content)
