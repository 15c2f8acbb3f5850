"""Checks a city pack's drawn shapes against each other: this takes real geometry, so it is not done in contracts."""

from collections.abc import Iterator
from itertools import chain
from typing import Final, TypeAlias

import shapely
from shapely import MultiPolygon, Polygon, STRtree

from paidan_contracts.city import Pack
from paidan_contracts.city.diagnostics import Fault, Path
from paidan_contracts.city.geography import Grid, Level, Shape

Drawn: TypeAlias = dict[str, tuple[Path, MultiPolygon]]
# About ten square metres: neighbours that were drawn by hand meet no better than that.
SLIVER: Final = 1e-9
SQUARE_METRES: Final = 1.1e10 * 0.8
_LEVELS: Final[tuple[Level, ...]] = ("district", "street", "community")
_OUTER: Final[dict[Level, Level]] = {"street": "district", "community": "street"}


def check_shapes(pack: Pack) -> list[Fault]:
    """Find shapes that cross themselves, overlap a neighbour, stick out of what they lie in, or miss their cells."""
    drawn: dict[Level, Drawn] = {level: _drawn(pack, level) for level in _LEVELS}
    everything = list(chain.from_iterable(shapes.values() for shapes in drawn.values()))
    crossing = [Fault(path, shapely.is_valid_reason(shape)) for path, shape in everything if not shape.is_valid]
    if crossing:
        return crossing
    return [
        *chain.from_iterable(_overlaps(shapes) for shapes in drawn.values()),
        *_sticking_out(pack, drawn),
        *_strayed_cells(pack, drawn),
    ]


def _drawn(pack: Pack, level: Level) -> Drawn:
    return {
        place.code: (("geography", "places", index, "shape"), _geometry(place.shape))
        for index, place in enumerate(pack.geography.places)
        if place.level == level and place.shape is not None
    }


def _geometry(shape: Shape) -> MultiPolygon:
    return MultiPolygon([Polygon(rings[0], rings[1:]) for rings in shape.polygons])


def _overlaps(drawn: Drawn) -> Iterator[Fault]:
    if len(drawn) < 2:
        return
    codes = list(drawn)
    shapes = [shape for _, shape in drawn.values()]
    for first, second in sorted(STRtree(shapes).query(shapes, predicate="intersects").T.tolist()):
        shared = shapes[first].intersection(shapes[second]).area if first < second else 0.0
        if shared > SLIVER:
            size = round(shared * SQUARE_METRES)
            yield Fault(drawn[codes[second]][0], f"overlaps {codes[first]} by about {size} m²")


def _sticking_out(pack: Pack, drawn: dict[Level, Drawn]) -> Iterator[Fault]:
    outline = _geometry(pack.geography.outline) if pack.geography.outline else None
    for place in pack.geography.places:
        path, shape = drawn[place.level].get(place.code, (None, None))
        if path is None or shape is None:
            continue
        if place.level == "district":
            outer, name = outline, "the city's outline"
        else:
            outer = drawn[_OUTER[place.level]].get(place.within or "", (None, None))[1]
            name = f"{_OUTER[place.level]} {place.within}"
        outside = shape.difference(outer).area if outer is not None else 0.0
        if outside > SLIVER:
            yield Fault(path, f"lies outside {name} with about {round(outside * SQUARE_METRES)} m²")


def _strayed_cells(pack: Pack, drawn: dict[Level, Drawn]) -> Iterator[Fault]:
    """Find communities with cells whose middles lie outside their street or district, naming the first run of each."""
    grid = pack.geography.grid
    if grid is None:
        return
    strayed: dict[str, list[int]] = {}
    around = dict(_around(pack, drawn))
    for number, run in enumerate(grid.runs):
        shape = around.get(run.community)
        middles = [_middle(grid, run.row, column) for column in (run.begin, run.end - 1)]
        if shape is not None and not all(shapely.contains_xy(shape, *middle) for middle in middles):
            strayed.setdefault(run.community, []).append(number)
    for community, numbers in strayed.items():
        others = f", and {len(numbers) - 1} other lines of community {community}" if len(numbers) > 1 else ""
        problem = f"has cells whose middle lies outside what is drawn{others}"
        yield Fault(("geography", "grid", "runs", numbers[0]), problem)


def _around(pack: Pack, drawn: dict[Level, Drawn]) -> Iterator[tuple[str, MultiPolygon]]:
    """Give each community the smallest shape that is drawn around it."""
    within = {place.code: place.within or "" for place in pack.geography.places}
    for place in pack.geography.places:
        if place.level == "community":
            street = place.within or ""
            found = drawn["community"].get(place.code) or drawn["street"].get(street)
            found = found or drawn["district"].get(within.get(street, ""))
            if found is not None:
                shapely.prepare(found[1])
                yield place.code, found[1]


def _middle(grid: Grid, row: int, column: int) -> tuple[float, float]:
    return grid.west + (column + 0.5) * grid.cell_width, grid.north - (row + 0.5) * grid.cell_height
