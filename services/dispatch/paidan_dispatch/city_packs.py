"""Cache of published city packs by version. Which version is in force is stored by partition."""

from paidan_chassis import city_packs
from paidan_chassis.database import Executor
from paidan_chassis.errors import Halt
from paidan_contracts.city import City
from paidan_dispatch.cases.policy import CityPolicy


class PackCache:
    """City policies by version. A published pack never changes, so each is loaded once."""

    __slots__ = ("_policies",)

    def __init__(self) -> None:
        self._policies: dict[str, CityPolicy] = {}

    async def get(self, conn: Executor, version: str) -> CityPolicy:
        """Return the policy of this version. Raises Halt if the pack is missing or damaged: no other may replace it."""
        policy = self._policies.get(version)
        if policy is None:
            content = await city_packs.find_content(conn, version)
            if content is None:
                raise Halt(
                    "city_pack_missing", f"cities.pack has no version {version} | cities.pack 中没有版本 {version}"
                )
            city = City.from_canonical(content)
            if city.version != version:
                raise Halt(
                    "city_pack_damaged",
                    f"the content of version {version} in cities.pack is {city.version}"
                    f" | cities.pack 中版本 {version} 的内容实为 {city.version}",
                )
            policy = self._policies[version] = CityPolicy.from_city(city)
        return policy
