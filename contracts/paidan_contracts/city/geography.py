"""Where things are: a city's districts, streets, communities, unit grid and named areas, as its pack states them."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from paidan_contracts.city.pack_types import Names, PackModel, PlaceCode
from paidan_contracts.wire import Latitude, Longitude, Slug

PlaceLevel = Literal["district", "street", "community"]
Point = tuple[Longitude, Latitude]
"""Longitude first, as GeoJSON has it; WGS-84."""
Ring = Annotated[tuple[Point, ...], Field(min_length=4)]


class Shape(PackModel):
    """A polygon or several: each a list of rings, the first its outline and the others holes in it."""

    polygons: Annotated[tuple[Annotated[tuple[Ring, ...], Field(min_length=1)], ...], Field(min_length=1)]


class PlaceEntry(PackModel):
    """A district, street or community.

    A pack may know a district only by its code, where the records name it themselves; then ``shape`` is None, and
    no position is ever found to lie in it.
    """

    code: PlaceCode
    level: PlaceLevel
    within: PlaceCode | None = Field(default=None, description="The street's district, the community's street.")
    names: Names
    shape: Shape | None = None


class NamedArea(PackModel):
    """A part of the city that rules speak of: a station's forecourt, a scenic area. Named areas may overlap."""

    id: Slug
    names: Names
    shape: Shape


class GridRun(PackModel):
    """Neighbouring grid cells of one row, west to east, which belong to one community and are numbered on from `first`.

    The numbers are stated, not counted, because the code of a cell that is given up must never name another.
    """

    row: int = Field(ge=0, description="Counted from the north.")
    begin: int = Field(ge=0, description="Column of the first cell, counted from the west.")
    end: int = Field(gt=0, description="Column after the last.")
    community: PlaceCode
    first: int = Field(ge=1, le=999)


class Grid(PackModel):
    """The unit grid: cells of about 100 m by 100 m, counted from the north-west corner."""

    north: Latitude
    west: Longitude
    cell_height: float = Field(gt=0, description="Degrees of latitude.")
    cell_width: float = Field(gt=0, description="Degrees of longitude.")
    rows: int = Field(gt=0, le=5000)
    columns: int = Field(gt=0, le=5000)
    runs: tuple[GridRun, ...]


class Geography(PackModel):
    """All that a city knows about its places."""

    outline: Shape | None = Field(default=None, description="The city's own; None: not drawn.")
    places: tuple[PlaceEntry, ...]
    areas: tuple[NamedArea, ...] = ()
    grid: Grid | None = None


@dataclass(frozen=True, slots=True)
class PlaceCodes:
    """What is known of where something is. Any part may be None: unknown is a bucket of its own, not a gap."""

    district: str | None = None
    street: str | None = None
    community: str | None = None
    grid: str | None = None
    areas: frozenset[str] = frozenset()


UNKNOWN_PLACE = PlaceCodes()
