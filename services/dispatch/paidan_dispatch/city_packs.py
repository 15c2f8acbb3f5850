"""City packs by their hash, as published in schema cities, kept once read. Which one is in force is the lane's."""

from typing import Any, Final, TypeAlias

import asyncpg

from paidan_chassis.errors import Halt
from paidan_contracts.city import City
from paidan_dispatch.cases.policy import CityPolicy

Connection: TypeAlias = "asyncpg.Connection[Any] | asyncpg.pool.PoolConnectionProxy[Any]"

SELECT_PACK: Final = """
    SELECT content
      FROM cities.pack
     WHERE version = $1
"""


class PackCache:
    """Every pack that this process has been asked for. A published pack never changes, so none is ever read twice."""

    __slots__ = ("_policies",)

    def __init__(self) -> None:
        self._policies: dict[str, CityPolicy] = {}

    async def get(self, conn: Connection, version: str) -> CityPolicy:
        """Give the city under this version, or halt: going on without its pack would decide by another city's rules."""
        policy = self._policies.get(version)
        if policy is None:
            content = await conn.fetchval(SELECT_PACK, version)
            if content is None:
                raise Halt("city_pack_missing", f"cities.pack has no version {version}")
            city = City.from_canonical(content)
            if city.version != version:
                raise Halt("city_pack_damaged", f"what cities.pack holds as {version} is {city.version}")
            policy = self._policies[version] = CityPolicy.from_city(city)
        return policy
