"""A map of a city as one drawing, from the outlines in its pack: no tiles, no script. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import cos, radians
from typing import Final, NamedTuple

from paidan_contracts.city import City
from paidan_contracts.city.geography import GridRun, Point

WIDTH: Final = 640
_MARGIN: Final = 8
_MAX_POINTS: Final = 240


@dataclass(frozen=True, slots=True)
class DrawnPlace:
    """A district's or street's outline as a path, and where its label stands."""

    code: str
    path: str
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class CityDrawing:
    """All districts and streets that have an outline, and as one path the ground that the unit grid covers."""

    width: int
    height: int
    districts: Sequence[DrawnPlace]
    streets: Sequence[DrawnPlace]
    grid: str


class _Projection(NamedTuple):
    west: float
    north: float
    narrow: float
    """Degrees of longitude are shorter than those of latitude by this factor."""
    scale: float

    def pixel(self, point: Point) -> tuple[int, int]:
        x, y = point
        return (
            round(_MARGIN + (x - self.west) * self.narrow * self.scale),
            round(_MARGIN + (self.north - y) * self.scale),
        )


def draw_city(city: City) -> CityDrawing | None:
    """Return the drawing of a city; None where its pack draws no district."""
    districts, streets = (_outlines(city, level) for level in ("district", "street"))
    points = [point for rings in districts.values() for ring in rings for point in ring]
    if not points:
        return None
    west, east = min(x for x, _ in points), max(x for x, _ in points)
    south, north = min(y for _, y in points), max(y for _, y in points)
    narrow = cos(radians((south + north) / 2))
    projection = _Projection(west, north, narrow, (WIDTH - 2 * _MARGIN) / max((east - west) * narrow, 1e-9))
    return CityDrawing(
        WIDTH,
        round((north - south) * projection.scale) + 2 * _MARGIN,
        [_place(code, rings, projection) for code, rings in districts.items()],
        [_place(code, rings, projection) for code, rings in streets.items()],
        _grid_path(city, projection),
    )


def _outlines(city: City, level: str) -> dict[str, list[Sequence[Point]]]:
    places = [each for each in city.pack.geography.places if each.level == level]
    return {each.code: [polygon[0] for polygon in each.shape.polygons] for each in places if each.shape}


def _place(code: str, rings: Sequence[Sequence[Point]], projection: _Projection) -> DrawnPlace:
    projected = [[projection.pixel(point) for point in _thinned(ring)] for ring in rings]
    largest = max(projected, key=len)
    x, y = (round(sum(values) / len(largest)) for values in zip(*largest, strict=True))
    return DrawnPlace(code, " ".join(_path(ring) for ring in projected), x, y)


def _grid_path(city: City, projection: _Projection) -> str:
    """Return the runs of the unit grid as rectangles; a cell itself is smaller than a pixel."""
    grid = city.pack.geography.grid
    if grid is None:
        return ""

    def corner(row: int, column: int) -> Point:
        return grid.west + column * grid.cell_width, grid.north - row * grid.cell_height

    def rectangle(run: GridRun) -> str:
        left, top = projection.pixel(corner(run.row, run.begin))
        right, bottom = projection.pixel(corner(run.row + 1, run.end))
        return f"M{left} {top}H{max(right, left + 1)}V{max(bottom, top + 1)}H{left}Z"

    return "".join(dict.fromkeys(rectangle(run) for run in grid.runs))


def _thinned(ring: Sequence[Point]) -> Iterator[Point]:
    step = max(len(ring) // _MAX_POINTS, 1)
    yield from ring[::step]


def _path(ring: Sequence[tuple[int, int]]) -> str:
    return "M" + "L".join(f"{x} {y}" for x, y in ring) + "Z"
