"""Reads published city packs."""

from paidan_chassis import city_packs
from paidan_chassis.database import Connection
from paidan_contracts.city import City
from paidan_deploy.errors import DeployError


async def cities_in_force(connection: Connection) -> list[City]:
    """Return every published city under its version in force, by id."""
    versions = await city_packs.load_current_versions(connection)
    contents = [await city_packs.find_content(connection, version) for _, version in sorted(versions.items())]
    return [City.from_canonical(content) for content in contents if content is not None]


async def newest_pack(connection: Connection, city: str) -> City:
    """Read a city's newest pack. Raises ``DeployError`` when there is none."""
    content = await city_packs.find_newest_content(connection, city)
    if content is None:
        raise DeployError(
            f"no city called {city} is published; `paidan city publish DIR` does that"
            f" / 没有发布过城市 {city}，请用 `paidan city publish DIR` 发布"
        )
    return City.from_canonical(content)
