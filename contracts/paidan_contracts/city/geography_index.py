"""Finds the places in which a position lies: in the unit grid in one step, in polygons where no cell covers it."""

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import floor
from typing import Self

from paidan_contracts.city.geography import (
    UNKNOWN_PLACE,
    Geography,
    Grid,
    PlaceCodes,
    PlaceEntry,
    PlaceLevel,
    Point,
    Ring,
    Shape,
    WorkGrid,
)

_NO_RUN_INDEX = 0xFFFF


@dataclass(frozen=True, slots=True)
class BoundedShape:
    """A shape with its bounding box, which rejects most positions by four comparisons."""

    code: str
    shape: Shape
    west: float
    south: float
    east: float
    north: float

    @classmethod
    def of(cls, code: str, shape: Shape) -> Self:
        """Compute the bounding box of a shape."""
        xs, ys = zip(*(point for rings in shape.polygons for point in rings[0]), strict=True)
        return cls(code, shape, min(xs), min(ys), max(xs), max(ys))

    def contains(self, point: Point) -> bool:
        """Return whether a point lies inside; a point on a border lies in one of the two neighbours only."""
        x, y = point
        if not (self.west <= x <= self.east and self.south <= y <= self.north):
            return False
        return any(_in_polygon(rings, point) for rings in self.shape.polygons)


@dataclass(frozen=True, slots=True)
class GridIndex:
    """The unit grid as a flat table of each cell's run."""

    grid: Grid
    run_by_cell: "array[int]"

    @classmethod
    def of(cls, grid: Grid) -> Self:
        """Build the table from the grid's runs."""
        run_by_cell = array("H", [_NO_RUN_INDEX]) * (grid.rows * grid.columns)
        for number, run in enumerate(grid.runs):
            start = run.row * grid.columns
            run_by_cell[start + run.begin : start + run.end] = array("H", [number]) * (run.end - run.begin)
        return cls(grid, run_by_cell)

    def locate(self, latitude: float, longitude: float) -> tuple[str, str] | None:
        """Return the codes of the community and of the cell in which a position lies."""
        grid = self.grid
        row = floor((grid.north - latitude) / grid.cell_height)
        column = floor((longitude - grid.west) / grid.cell_width)
        if not (0 <= row < grid.rows and 0 <= column < grid.columns):
            return None
        number = self.run_by_cell[row * grid.columns + column]
        if number == _NO_RUN_INDEX:
            return None
        run = grid.runs[number]
        return run.community, f"{run.community}{run.first + column - run.begin:03d}"


@dataclass(frozen=True, slots=True)
class GeographyIndex:
    """The look-ups of a city's geography."""

    grid_index: GridIndex | None
    shapes: Mapping[PlaceLevel, tuple[BoundedShape, ...]]
    areas: tuple[BoundedShape, ...]
    places: Mapping[str | None, PlaceCodes]
    work_grids: Mapping[str | None, WorkGrid]
    """By each street and community of them."""

    @classmethod
    def of(cls, geography: Geography) -> Self:
        """Build every look-up once."""
        entries_by_code = {entry.code: entry for entry in geography.places}
        entries_with_shape = [entry for entry in geography.places if entry.shape is not None]
        return cls(
            grid_index=GridIndex.of(geography.grid) if geography.grid else None,
            shapes={
                level: tuple(_bounded_shapes(entries_with_shape, level))
                for level in ("community", "street", "district")
            },
            areas=tuple(BoundedShape.of(area.id, area.shape) for area in geography.areas),
            work_grids={code: each for each in geography.work_grids or () for code in each.places},
            places={code: _place_codes(entry, entries_by_code) for code, entry in entries_by_code.items()},
        )

    @property
    def is_drawn(self) -> bool:
        """Whether any place has a shape, so that a position outside all of them lies outside the city."""
        return self.grid_index is not None or any(self.shapes.values())

    def locate(self, latitude: float, longitude: float) -> PlaceCodes:
        """Return all in which a WGS-84 position lies; ``UNKNOWN_PLACE`` outside the city."""
        point = (longitude, latitude)
        areas = frozenset(area.code for area in self.areas if area.contains(point))
        cell = self.grid_index.locate(latitude, longitude) if self.grid_index else None
        if cell is not None:
            place, grid = self.places[cell[0]], cell[1]
            return PlaceCodes(place.district, place.street, place.community, grid, areas)
        place = self._locate_by_shape(point)
        return PlaceCodes(place.district, place.street, place.community, None, areas) if areas else place

    def locate_code(self, code: str | None) -> PlaceCodes:
        """Return a district, street or community with all that it lies in; ``UNKNOWN_PLACE`` for an unknown code."""
        return self.places.get(code, UNKNOWN_PLACE)

    def work_grid_of(self, street: str | None, community: str | None) -> WorkGrid | None:
        """Return the work grid in which a street and a community lie: the community's own has precedence."""
        return self.work_grids.get(community) or self.work_grids.get(street)

    def _locate_by_shape(self, point: Point) -> PlaceCodes:
        for shapes in self.shapes.values():
            for shape in shapes:
                if shape.contains(point):
                    return self.places[shape.code]
        return UNKNOWN_PLACE


def _bounded_shapes(entries: list[PlaceEntry], level: PlaceLevel) -> Iterator[BoundedShape]:
    for entry in entries:
        if entry.level == level and entry.shape is not None:
            yield BoundedShape.of(entry.code, entry.shape)


def _place_codes(entry: PlaceEntry, entries_by_code: Mapping[str, PlaceEntry]) -> PlaceCodes:
    codes_by_level: dict[str, str] = {}
    current: PlaceEntry | None = entry
    while current is not None and current.level not in codes_by_level:
        codes_by_level[current.level] = current.code
        current = entries_by_code.get(current.within) if current.within else None
    return PlaceCodes(codes_by_level.get("district"), codes_by_level.get("street"), codes_by_level.get("community"))


def _in_polygon(rings: tuple[Ring, ...], point: Point) -> bool:
    return _in_ring(rings[0], point) and not any(_in_ring(hole, point) for hole in rings[1:])


def _in_ring(ring: Ring, point: Point) -> bool:
    x, y = point
    inside = False
    for (x1, y1), (x2, y2) in pairwise(ring):
        # Half-open in y: a ray through a corner crosses exactly one of the two edges that meet there.
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            inside = not inside
    return inside
