"""City packs by their hash, as far as scoring needs them: the zone that says what day it is, and the indicators."""

from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from paidan_chassis.failures import Halt
from paidan_contracts.city.indicators import Indicators
from paidan_contracts.city.part import CityId
from paidan_scoring import queries
from paidan_scoring.queries import Connection


class PackSeen(BaseModel):
    """The part of a pack that scoring obeys. Its polygons and rules, which are large, are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: CityId
    zone: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_+\-/]{1,60}$")]
    indicators: Indicators


class Packs:
    """Every pack that this process has been asked for. A published pack never changes, so none is read twice."""

    __slots__ = ("_read", "_zones")

    def __init__(self) -> None:
        self._read: dict[str, PackSeen] = {}
        self._zones: dict[str, ZoneInfo] = {}

    async def get(self, conn: Connection, version: str) -> PackSeen:
        """Give the pack of this version, or halt: without it nobody knows on which day a report counts."""
        pack = self._read.get(version)
        if pack is None:
            content = await queries.pack_content(conn, version)
            if content is None:
                raise Halt("city_pack_missing", f"cities.pack has no version {version}")
            pack = self._read[version] = _parsed(content, version)
        return pack

    async def zone(self, conn: Connection, version: str) -> ZoneInfo:
        """Give the time zone of the city under this version of its pack."""
        zone = self._zones.get(version)
        if zone is None:
            pack = await self.get(conn, version)
            try:
                zone = self._zones[version] = ZoneInfo(pack.zone)
            except (ZoneInfoNotFoundError, ValueError) as error:
                raise Halt("city_pack_damaged", f"pack {version} names no known time zone") from error
        return zone


def _parsed(content: bytes | str, version: str) -> PackSeen:
    try:
        return PackSeen.model_validate_json(content)
    except ValidationError as error:
        raise Halt("city_pack_damaged", f"pack {version} cannot be read: {error.error_count()} mistakes") from error
