"""Reads published city packs."""

from paidan_chassis import city_packs
from paidan_chassis.database import Connection
from paidan_contracts.city import City
from paidan_deploy.errors import DeployError


async def newest_pack(connection: Connection, city: str) -> City:
    """Read a city's newest pack. Raises ``DeployError`` when there is none."""
    content = await city_packs.find_newest_content(connection, city)
    if content is None:
        raise DeployError(f"no city called {city} is published; `paidan city publish DIR` does that")
    return City.from_canonical(content)
