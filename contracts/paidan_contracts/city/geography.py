"""A city's geography: districts, streets, communities, unit grid and named areas, as its pack states them."""

from typing import Annotated, Final, Literal, NamedTuple

from pydantic import Field

from paidan_contracts.city.pack_types import Names, PackModel, PlaceCode
from paidan_contracts.wire import Latitude, Longitude, Slug

PlaceLevel = Literal["district", "street", "community"]
LEVELS_ZH: Final = {"district": "区县", "street": "街道", "community": "社区"}
Point = tuple[Longitude, Latitude]
"""Longitude first, as in GeoJSON; WGS-84."""
Ring = Annotated[tuple[Point, ...], Field(min_length=4)]


class Shape(PackModel):
    """One or more polygons, each a list of rings: the first is the outline, the others are holes."""

    polygons: Annotated[tuple[Annotated[tuple[Ring, ...], Field(min_length=1)], ...], Field(min_length=1)]


class PlaceEntry(PackModel):
    """A district, street or community.

    Without ``shape`` no position lies in it; it serves records that state its code.
    """

    code: PlaceCode
    level: PlaceLevel
    within: PlaceCode | None = Field(
        default=None, description="Code of a street's district, or of a community's street."
    )
    names: Names
    shape: Shape | None = None


class NamedArea(PackModel):
    """An area that routing rules refer to: a station's forecourt, a scenic area. Named areas may overlap."""

    id: Slug
    names: Names
    shape: Shape


class GridRun(PackModel):
    """Adjacent grid cells of a row, west to east, in one community, with consecutive numbers from ``first``.

    Numbers are stated, not computed, because the code of an abandoned cell must never be used for another.
    """

    row: int = Field(ge=0, description="Counted from the north.")
    begin: int = Field(ge=0, description="Column of the first cell, counted from the west.")
    end: int = Field(gt=0, description="Column after the last.")
    community: PlaceCode
    first: int = Field(ge=1, le=999)


class Grid(PackModel):
    """The unit grid (单元网格): cells of about 100 m by 100 m, counted from the north-west corner.

    A cell's code has 15 digits: district 6, street 3, community 3, number in the community 3 (GB/T 30428.1).
    """

    north: Latitude
    west: Longitude
    cell_height: float = Field(gt=0, description="Degrees of latitude.")
    cell_width: float = Field(gt=0, description="Degrees of longitude.")
    rows: int = Field(gt=0, le=5000)
    columns: int = Field(gt=0, le=5000)
    runs: tuple[GridRun, ...]


class WorkGrid(PackModel):
    """A work grid (责任网格): streets and communities that the people of some posts look after; no unit grid cell."""

    id: Slug
    names: Names
    places: Annotated[tuple[PlaceCode, ...], Field(min_length=1)] = Field(description="Streets and communities.")
    posts: tuple[Slug, ...] = Field(default=(), description="Posts whose people look after it.")


class Geography(PackModel):
    """The geographic part of a pack."""

    outline: Shape | None = Field(default=None, description="Of the whole city; None where no file draws it.")
    places: tuple[PlaceEntry, ...]
    areas: tuple[NamedArea, ...] = ()
    grid: Grid | None = None
    work_grids: tuple[WorkGrid, ...] | None = None


class PlaceCodes(NamedTuple):
    """The codes of everything in which a position lies; None where that is unknown."""

    district: str | None = None
    street: str | None = None
    community: str | None = None
    grid: str | None = None
    areas: frozenset[str] = frozenset()


UNKNOWN_PLACE = PlaceCodes()
