"""A map of districts as one drawing, from the outlines in the pack: no tiles, no script. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import cos, radians
from typing import Final, NamedTuple

from paidan_contracts.city import City
from paidan_contracts.city.geography import Point

WIDTH: Final = 640
_MARGIN: Final = 8
_MAX_POINTS: Final = 240


@dataclass(frozen=True, slots=True)
class District:
    """A district's outline as a path, and where its label stands."""

    code: str
    path: str
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class DistrictMap:
    """All districts that have an outline."""

    width: int
    height: int
    districts: Sequence[District]


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


def draw_districts(city: City) -> DistrictMap | None:
    """Return the map of a city; None where its pack draws no district."""
    places = [each for each in city.pack.geography.places if each.level == "district" and each.shape]
    outlines = {each.code: [polygon[0] for polygon in each.shape.polygons] for each in places if each.shape}
    points = [point for rings in outlines.values() for ring in rings for point in ring]
    if not points:
        return None
    west, east = min(x for x, _ in points), max(x for x, _ in points)
    south, north = min(y for _, y in points), max(y for _, y in points)
    narrow = cos(radians((south + north) / 2))
    projection = _Projection(west, north, narrow, (WIDTH - 2 * _MARGIN) / max((east - west) * narrow, 1e-9))
    districts = [_district(code, rings, projection) for code, rings in outlines.items()]
    return DistrictMap(WIDTH, round((north - south) * projection.scale) + 2 * _MARGIN, districts)


def _district(code: str, rings: Sequence[Sequence[Point]], projection: _Projection) -> District:
    projected = [[projection.pixel(point) for point in _thinned(ring)] for ring in rings]
    largest = max(projected, key=len)
    x, y = (round(sum(values) / len(largest)) for values in zip(*largest, strict=True))
    return District(code, " ".join(_path(ring) for ring in projected), x, y)


def _thinned(ring: Sequence[Point]) -> Iterator[Point]:
    step = max(len(ring) // _MAX_POINTS, 1)
    yield from ring[::step]


def _path(ring: Sequence[tuple[int, int]]) -> str:
    return "M" + "L".join(f"{x} {y}" for x, y in ring) + "Z"
