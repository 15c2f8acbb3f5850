"""A case's surroundings as one drawing: borders and grid cell from the pack, the case and its reports. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import asinh, atan, cos, degrees, hypot, log2, pi, radians, sinh, tan
from typing import Final, NamedTuple

from paidan_contracts.city import City
from paidan_contracts.city.geography import Grid, Point, Ring

WIDTH: Final = 640
HEIGHT: Final = 400
_METRES_PER_DEGREE: Final = 111_320.0
_LEAST_RADIUS_M: Final = 800.0
_MARGIN: Final = 1.25
_LEVELS: Final = ("street", "district")
_TILE_PX: Final = 256
_MAX_ZOOM: Final = 19
_BAR_M: Final = (50, 100, 200, 500, 1000, 2000, 5000)


class Spot(NamedTuple):
    """Where something is: its number among the reports, and its pixel."""

    number: int
    x: int
    y: int


class Pixel(NamedTuple):
    """A point of the drawing."""

    x: int
    y: int


class Border(NamedTuple):
    """The border of a district or street as a path."""

    code: str
    level: str
    path: str


class Tile(NamedTuple):
    """A picture of the world beneath the drawing."""

    address: str
    x: float
    y: float
    width: float
    height: float


class Cell(NamedTuple):
    """A cell of the unit grid as a rectangle."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class CaseMap:
    """The drawing, north up. ``done``: where the work was done; ``bar_px`` is how long ``bar_m`` metres are."""

    width: int
    height: int
    tiles: Sequence[Tile]
    borders: Sequence[Border]
    cell: Cell | None
    spots: Sequence[Spot]
    done: Pixel | None
    bar_m: int
    bar_px: int


class Window(NamedTuple):
    """A view of so many pixels a metre around a centre."""

    centre: Point
    scale: float

    def place(self, point: Point) -> tuple[float, float]:
        """Return where a point is, in pixels from the upper left corner."""
        east, north = _metres(self.centre, point)
        return WIDTH / 2 + east * self.scale, HEIGHT / 2 - north * self.scale

    def pixel(self, point: Point) -> Pixel:
        """Return the pixel of a point."""
        x, y = self.place(point)
        return Pixel(round(x), round(y))

    def pixel_within(self, point: Point) -> Pixel | None:
        """Return the pixel of a point; None of one outside the view."""
        pixel = self.pixel(point)
        return pixel if 0 <= pixel.x <= WIDTH and 0 <= pixel.y <= HEIGHT else None

    def meets(self, ring: Ring) -> bool:
        """Return whether a ring's bounds reach into the view."""
        (left, bottom), (right, top) = (
            self.pixel((pick(x for x, _ in ring), pick(y for _, y in ring))) for pick in (min, max)
        )
        return left <= WIDTH and right >= 0 and top <= HEIGHT and bottom >= 0


def draw_case(
    city: City, at: Point, reports: Sequence[tuple[int, Point]], tiles: str | None = None, done: Point | None = None
) -> CaseMap:
    """Return the surroundings of a case, wide enough for its reports, each with its number.

    ``done``: where the work was done, which is left out where it lies beyond them.
    ``tiles``: address of the world's pictures with {z}, {x} and {y}; None for borders alone.
    """
    farthest = max((hypot(*_metres(at, point)) for _, point in reports), default=0.0)
    scale = HEIGHT / 2 / max(farthest * _MARGIN, _LEAST_RADIUS_M)
    window = Window(at, scale)
    bar_m = max((each for each in _BAR_M if each * scale <= WIDTH / 3), default=_BAR_M[0])
    return CaseMap(
        width=WIDTH,
        height=HEIGHT,
        tiles=list(_tiles(tiles, window)) if tiles else (),
        borders=list(_borders(city, window)),
        cell=_cell(city.pack.geography.grid, window),
        spots=[Spot(number, *window.pixel(point)) for number, point in reports],
        done=window.pixel_within(done) if done else None,
        bar_m=bar_m,
        bar_px=round(bar_m * scale),
    )


def metres_between(one: Point, other: Point) -> float:
    """Return the distance of two points; exact enough within a town."""
    return hypot(*_metres(one, other))


def _metres(origin: Point, point: Point) -> tuple[float, float]:
    """Return how far east and north of an origin a point is; exact enough within a town."""
    narrow = cos(radians(origin[1]))
    return (point[0] - origin[0]) * _METRES_PER_DEGREE * narrow, (point[1] - origin[1]) * _METRES_PER_DEGREE


def _borders(city: City, window: Window) -> Iterator[Border]:
    for level in _LEVELS:
        for place in city.pack.geography.places:
            if place.level != level or place.shape is None:
                continue
            rings = [ring for polygon in place.shape.polygons for ring in polygon if window.meets(ring)]
            if rings:
                yield Border(place.code, level, " ".join(border_path(ring, window) for ring in rings))


def border_path(ring: Ring, window: Window) -> str:
    """Return a ring as a closed path; points that fall on the pixel before are left out."""
    pixels = (pixel for pixel, _ in groupby(window.pixel(point) for point in ring))
    return "M" + "L".join(f"{x} {y}" for x, y in pixels) + "Z"


def _cell(grid: Grid | None, window: Window) -> Cell | None:
    """Return the cell that the centre lies in."""
    if grid is None:
        return None
    longitude, latitude = window.centre
    column = int((longitude - grid.west) // grid.cell_width)
    row = int((grid.north - latitude) // grid.cell_height)
    if not any(run.row == row and run.begin <= column < run.end for run in grid.runs):
        return None
    left, top = window.pixel((grid.west + column * grid.cell_width, grid.north - row * grid.cell_height))
    right, bottom = window.pixel(
        (grid.west + (column + 1) * grid.cell_width, grid.north - (row + 1) * grid.cell_height)
    )
    return Cell(left, top, right - left, bottom - top)


def _tiles(address: str, window: Window) -> Iterator[Tile]:
    """Yield the tiles that the view shows, at the zoom whose pixels are as large as the view's or a little larger."""
    longitude, latitude = window.centre
    world = _METRES_PER_DEGREE * 360 * cos(radians(latitude)) * window.scale
    zoom = max(0, min(_MAX_ZOOM, int(log2(world / _TILE_PX))))
    count = 2**zoom
    size = world / count
    column, row = (longitude + 180) / 360 * count, (1 - asinh(tan(radians(latitude))) / pi) / 2 * count
    across, down = WIDTH / 2 / size, HEIGHT / 2 / size
    for y in range(max(0, int(row - down)), min(count - 1, int(row + down)) + 1):
        for x in range(int(column - across), int(column + across) + 1):
            left, top = window.place(_corner(x, y, count))
            right, bottom = window.place(_corner(x + 1, y + 1, count))
            filled = address.format(z=zoom, x=x % count, y=y)
            yield Tile(filled, round(left, 1), round(top, 1), round(right - left, 1), round(bottom - top, 1))


def _corner(x: int, y: int, count: int) -> Point:
    """Return the north-west corner of a tile."""
    return x / count * 360 - 180, degrees(atan(sinh(pi * (1 - 2 * y / count))))
