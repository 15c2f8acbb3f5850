"""City packs by version, reduced to what scoring needs: time zone, indicators and names."""

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from paidan_chassis import city_packs
from paidan_chassis.database import Pool
from paidan_chassis.errors import Halt
from paidan_contracts.city.indicators import Indicators
from paidan_contracts.city.pack_types import CityId, Names
from paidan_contracts.scores import Dimension
from paidan_scoring.indicator_values import IndicatorCalculator


class PartialPackModel(BaseModel):
    """A part of a pack; fields that scoring does not use are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class NamedItem(PartialPackModel):
    """Anything that a score can be computed for."""

    id: str = Field(validation_alias=AliasChoices("id", "code"))
    names: Names
    level: str = ""


class PartialCatalogue(PartialPackModel):
    """The classes of cases."""

    classes: tuple[NamedItem, ...] = ()


class PartialGeography(PartialPackModel):
    """The places of a city, without their polygons, which are large."""

    places: tuple[NamedItem, ...] = ()


class ScoringPack(PartialPackModel):
    """The part of a pack that scoring computes by and shows."""

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
        """The pack's indicators, compiled."""
        return IndicatorCalculator(self.indicators)

    @cached_property
    def names_by_key(self) -> Mapping[tuple[Dimension, str], Names]:
        """The names of each key of each dimension."""
        items_by_dimension: tuple[tuple[Dimension, tuple[NamedItem, ...]], ...] = (
            ("department", self.departments),
            ("class", self.catalogue.classes),
            ("source", self.sources),
            ("district", tuple(place for place in self.geography.places if place.level == "district")),
            ("street", tuple(place for place in self.geography.places if place.level == "street")),
        )
        names: dict[tuple[Dimension, str], Names] = {("city", self.id): self.names}
        return names | {(dimension, each.id): each.names for dimension, items in items_by_dimension for each in items}


class PackCache:
    """Caches packs by version without limit: a published pack never changes, and there are few."""

    __slots__ = ("_packs", "_pool", "zones")

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._packs: dict[str, ScoringPack] = {}
        self.zones: dict[str, ZoneInfo] = {}
        """Time zones by version, of packs that are cached already: a batch looks there before it awaits ``zone``."""

    async def get(self, version: str) -> ScoringPack:
        """Return the pack of this version; raises Halt without one, for a report then counts on no known day."""
        pack = self._packs.get(version)
        if pack is None:
            content = await city_packs.find_content(self._pool, version, timeout_s=5.0)
            if content is None:
                raise Halt(
                    "city_pack_missing", f"cities.pack has no version {version} | cities.pack 中没有版本 {version}"
                )
            pack = self._packs[version] = _parse_pack(content, version)
        return pack

    async def zone(self, version: str) -> ZoneInfo:
        """Return the city's time zone under this version of its pack; raises Halt like ``get``."""
        zone = self.zones.get(version)
        if zone is None:
            pack = await self.get(version)
            try:
                zone = self.zones[version] = ZoneInfo(pack.zone)
            except (ZoneInfoNotFoundError, ValueError) as error:
                raise Halt(
                    "city_pack_damaged",
                    f"pack {version} names no known time zone | 配置包 {version} 的时区未知",
                ) from error
        return zone


def _parse_pack(content: bytes, version: str) -> ScoringPack:
    try:
        return ScoringPack.model_validate_json(content)
    except ValidationError as error:
        raise Halt(
            "city_pack_damaged",
            f"pack {version} cannot be read: {error.error_count()} mistakes"
            f" | 配置包 {version} 无法读取：{error.error_count()} 处错误",
        ) from error
