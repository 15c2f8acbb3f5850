"""From a position to the places it lies in: by the unit grid in one step, by polygons where no cell covers it."""

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import floor
from typing import Self

from paidan_contracts.city.geography import (
    NOWHERE,
    Geography,
    Grid,
    Level,
    PlaceEntry,
    Point,
    Ring,
    Shape,
    Spot,
)

_NO_RUN = 0xFFFF


@dataclass(frozen=True, slots=True)
class Bounded:
    """A shape with the box around it, so that most positions are turned away by four comparisons."""

    code: str
    shape: Shape
    west: float
    south: float
    east: float
    north: float

    @classmethod
    def of(cls, code: str, shape: Shape) -> Self:
        """Put the box around a shape."""
        xs, ys = zip(*(point for rings in shape.polygons for point in rings[0]), strict=True)
        return cls(code, shape, min(xs), min(ys), max(xs), max(ys))

    def holds(self, point: Point) -> bool:
        """Tell whether a point lies inside; of a point on a border only one neighbour says so."""
        x, y = point
        if not (self.west <= x <= self.east and self.south <= y <= self.north):
            return False
        return any(_in_polygon(rings, point) for rings in self.shape.polygons)


@dataclass(frozen=True, slots=True)
class Cells:
    """The unit grid as a flat table: for each cell the run that it belongs to."""

    grid: Grid
    run_of: "array[int]"

    @classmethod
    def of(cls, grid: Grid) -> Self:
        """Lay the runs out over the table."""
        run_of = array("H", [_NO_RUN]) * (grid.rows * grid.columns)
        for number, run in enumerate(grid.runs):
            start = run.row * grid.columns
            run_of[start + run.begin : start + run.end] = array("H", [number]) * (run.end - run.begin)
        return cls(grid, run_of)

    def at(self, latitude: float, longitude: float) -> tuple[str, str] | None:
        """Name the community and the cell that a position lies in, if it lies in one."""
        grid = self.grid
        row = floor((grid.north - latitude) / grid.cell_height)
        column = floor((longitude - grid.west) / grid.cell_width)
        if not (0 <= row < grid.rows and 0 <= column < grid.columns):
            return None
        number = self.run_of[row * grid.columns + column]
        if number == _NO_RUN:
            return None
        run = grid.runs[number]
        return run.community, f"{run.community}{run.first + column - run.begin:03d}"


@dataclass(frozen=True, slots=True)
class Ground:
    """A city's places made ready to be found."""

    cells: Cells | None
    shapes: Mapping[Level, tuple[Bounded, ...]]
    areas: tuple[Bounded, ...]
    spots: Mapping[str, Spot]

    @classmethod
    def of(cls, geography: Geography) -> Self:
        """Build every look-up once."""
        within = {entry.code: entry for entry in geography.places}
        drawn = [entry for entry in geography.places if entry.shape is not None]
        return cls(
            cells=Cells.of(geography.grid) if geography.grid else None,
            shapes={level: tuple(_bounded(drawn, level)) for level in ("community", "street", "district")},
            areas=tuple(Bounded.of(area.id, area.shape) for area in geography.areas),
            spots={code: _spot(entry, within) for code, entry in within.items()},
        )

    def at(self, latitude: float, longitude: float) -> Spot:
        """Find all that a WGS-84 position lies in; nothing is known of one outside the city."""
        point = (longitude, latitude)
        areas = frozenset(area.code for area in self.areas if area.holds(point))
        cell = self.cells.at(latitude, longitude) if self.cells else None
        if cell is not None:
            around, grid = self.spots[cell[0]], cell[1]
            return Spot(around.district, around.street, around.community, grid, areas)
        around = self._by_shape(point)
        return Spot(around.district, around.street, around.community, None, areas) if areas else around

    def of_code(self, code: str) -> Spot:
        """Say what a district, street or community code alone tells; a code nobody knows tells nothing."""
        return self.spots.get(code, NOWHERE)

    def _by_shape(self, point: Point) -> Spot:
        for shapes in self.shapes.values():
            for shape in shapes:
                if shape.holds(point):
                    return self.spots[shape.code]
        return NOWHERE


def _bounded(entries: list[PlaceEntry], level: Level) -> Iterator[Bounded]:
    for entry in entries:
        if entry.level == level and entry.shape is not None:
            yield Bounded.of(entry.code, entry.shape)


def _spot(entry: PlaceEntry, within: Mapping[str, PlaceEntry]) -> Spot:
    known: dict[str, str] = {}
    at: PlaceEntry | None = entry
    while at is not None and at.level not in known:
        known[at.level] = at.code
        at = within.get(at.within) if at.within else None
    return Spot(known.get("district"), known.get("street"), known.get("community"))


def _in_polygon(rings: tuple[Ring, ...], point: Point) -> bool:
    return _in_ring(rings[0], point) and not any(_in_ring(hole, point) for hole in rings[1:])


def _in_ring(ring: Ring, point: Point) -> bool:
    x, y = point
    inside = False
    for (x1, y1), (x2, y2) in pairwise(ring):
        # Half-open in y, so that a ray through a corner crosses exactly one of the two edges that meet there.
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            inside = not inside
    return inside
