"""City packs by their hash, as far as scoring needs them: the zone that says what day it is, indicators and names."""

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from paidan_chassis.database import Pool
from paidan_chassis.errors import Halt
from paidan_contracts.city.indicators import Indicators
from paidan_contracts.city.pack_types import CityId, Names
from paidan_contracts.scores import Dimension
from paidan_scoring import queries
from paidan_scoring.indicator_values import IndicatorCalculator


class PartialPackModel(BaseModel):
    """A part of a pack, as far as it is looked at."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class NamedItem(PartialPackModel):
    """Anything that a figure may be counted under."""

    id: str = Field(validation_alias=AliasChoices("id", "code"))
    names: Names
    level: str = ""


class PartialCatalogue(PartialPackModel):
    """The classes of cases."""

    classes: tuple[NamedItem, ...] = ()


class PartialGeography(PartialPackModel):
    """The places of a city; its polygons, which are large, are passed over."""

    places: tuple[NamedItem, ...] = ()


class ScoringPack(PartialPackModel):
    """The part of a pack that scoring obeys and shows."""

    id: CityId
    names: Names
    zone: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_+\-/]{1,60}$")]
    indicators: Indicators
    departments: tuple[NamedItem, ...] = ()
    sources: tuple[NamedItem, ...] = ()
    catalogue: PartialCatalogue = PartialCatalogue()
    geography: PartialGeography = PartialGeography()

    @cached_property
    def calculator(self) -> IndicatorCalculator:
        """The pack's indicators, ready to judge."""
        return IndicatorCalculator(self.indicators)

    @cached_property
    def names_by_key(self) -> Mapping[tuple[Dimension, str], Names]:
        """What each key of each dimension is called."""
        items_by_dimension: tuple[tuple[Dimension, tuple[NamedItem, ...]], ...] = (
            ("department", self.departments),
            ("class", self.catalogue.classes),
            ("source", self.sources),
            ("district", tuple(place for place in self.geography.places if place.level == "district")),
            ("street", tuple(place for place in self.geography.places if place.level == "street")),
        )
        found: dict[tuple[Dimension, str], Names] = {("city", self.id): self.names}
        return found | {(dimension, each.id): each.names for dimension, items in items_by_dimension for each in items}


class PackCache:
    """Every pack that this process has been asked for. A published pack never changes, so none is read twice."""

    __slots__ = ("_packs", "_pool", "_zones")

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._packs: dict[str, ScoringPack] = {}
        self._zones: dict[str, ZoneInfo] = {}

    async def get(self, version: str) -> ScoringPack:
        """Give the pack of this version, or halt: without it nobody knows on which day a report counts."""
        pack = self._packs.get(version)
        if pack is None:
            content = await queries.fetch_pack(self._pool, version)
            if content is None:
                raise Halt("city_pack_missing", f"cities.pack has no version {version}")
            pack = self._packs[version] = _parse_pack(content, version)
        return pack

    def cached_zone(self, version: str) -> ZoneInfo | None:
        """Give the zone if this pack has been read; waiting for it would cost more than asking first."""
        return self._zones.get(version)

    async def zone(self, version: str) -> ZoneInfo:
        """Give the time zone of the city under this version of its pack."""
        zone = self._zones.get(version)
        if zone is None:
            pack = await self.get(version)
            try:
                zone = self._zones[version] = ZoneInfo(pack.zone)
            except (ZoneInfoNotFoundError, ValueError) as error:
                raise Halt("city_pack_damaged", f"pack {version} names no known time zone") from error
        return zone


def _parse_pack(content: bytes, version: str) -> ScoringPack:
    try:
        return ScoringPack.model_validate_json(content)
    except ValidationError as error:
        raise Halt("city_pack_damaged", f"pack {version} cannot be read: {error.error_count()} mistakes") from error
