"""Checks a city pack's shapes against each other; contracts do without a geometry library."""

from collections.abc import Iterator
from itertools import chain
from typing import Final, TypeAlias

import shapely
from shapely import MultiPolygon, Polygon, STRtree

from paidan_contracts.city import Pack
from paidan_contracts.city.diagnostics import DocumentPath, Violation
from paidan_contracts.city.geography import LEVELS_ZH, Grid, PlaceLevel, Shape

ShapesByCode: TypeAlias = dict[str, tuple[DocumentPath, MultiPolygon]]
# About ten square metres: hand-drawn neighbours fit no better than that.
MIN_OVERLAP_DEG2: Final = 1e-9
SQUARE_METRES_PER_DEG2: Final = 1.1e10 * 0.8
_REASONS_ZH: Final = {
    "Self-intersection": "图形自相交",
    "Ring Self-intersection": "环自相交",
    "Hole lies outside shell": "洞在外环之外",
    "Holes are nested": "洞互相嵌套",
    "Nested shells": "外环互相嵌套",
    "Interior is disconnected": "内部不连通",
    "Duplicate Rings": "环重复",
    "Too few points in geometry component": "点数过少",
    "Invalid Coordinate": "坐标无效",
}
_LEVELS: Final[tuple[PlaceLevel, ...]] = ("district", "street", "community")
_PARENT_LEVEL: Final[dict[PlaceLevel, PlaceLevel]] = {"street": "district", "community": "street"}


def check_shapes(pack: Pack) -> list[Violation]:
    """Return shapes that are invalid, overlap a neighbour, lie outside their parent, or do not hold their cells."""
    shapes_by_level: dict[PlaceLevel, ShapesByCode] = {level: _shapes_of_level(pack, level) for level in _LEVELS}
    all_shapes = list(chain.from_iterable(shapes.values() for shapes in shapes_by_level.values()))
    invalid = [
        Violation(path, shapely.is_valid_reason(shape), _reason_zh(shapely.is_valid_reason(shape)))
        for path, shape in all_shapes
        if not shape.is_valid
    ]
    if invalid:
        return invalid
    return [
        *chain.from_iterable(_overlaps(shapes) for shapes in shapes_by_level.values()),
        *_outside_parent(pack, shapes_by_level),
        *_misplaced_cells(pack, shapes_by_level),
    ]


def _reason_zh(reason: str) -> str:
    """Return a reason of GEOS in Chinese, with its position: ``Self-intersection[116.9 36.6]``."""
    kind, bracket, position = reason.partition("[")
    return _REASONS_ZH.get(kind, f"图形无效（{kind}）") + bracket + position


def _shapes_of_level(pack: Pack, level: PlaceLevel) -> ShapesByCode:
    return {
        place.code: (("geography", "places", index, "shape"), _geometry(place.shape))
        for index, place in enumerate(pack.geography.places)
        if place.level == level and place.shape is not None
    }


def _geometry(shape: Shape) -> MultiPolygon:
    return MultiPolygon([Polygon(rings[0], rings[1:]) for rings in shape.polygons])


def _overlaps(shapes_by_code: ShapesByCode) -> Iterator[Violation]:
    if len(shapes_by_code) < 2:
        return
    codes = list(shapes_by_code)
    shapes = [shape for _, shape in shapes_by_code.values()]
    for first, second in sorted(STRtree(shapes).query(shapes, predicate="intersects").T.tolist()):
        shared = shapes[first].intersection(shapes[second]).area if first < second else 0.0
        if shared > MIN_OVERLAP_DEG2:
            area_m2 = round(shared * SQUARE_METRES_PER_DEG2)
            yield Violation(
                shapes_by_code[codes[second]][0],
                f"overlaps {codes[first]} by about {area_m2} m²",
                f"与 {codes[first]} 重叠约 {area_m2} 平方米",
            )


def _outside_parent(pack: Pack, shapes_by_level: dict[PlaceLevel, ShapesByCode]) -> Iterator[Violation]:
    outline = _geometry(pack.geography.outline) if pack.geography.outline else None
    for place in pack.geography.places:
        path, shape = shapes_by_level[place.level].get(place.code, (None, None))
        if path is None or shape is None:
            continue
        if place.level == "district":
            outer, name, name_zh = outline, "the city's outline", "城市轮廓"
        else:
            outer = shapes_by_level[_PARENT_LEVEL[place.level]].get(place.within or "", (None, None))[1]
            name = f"{_PARENT_LEVEL[place.level]} {place.within}"
            name_zh = f"{LEVELS_ZH[_PARENT_LEVEL[place.level]]} {place.within} "
        outside = shape.difference(outer).area if outer is not None else 0.0
        if outside > MIN_OVERLAP_DEG2:
            area_m2 = round(outside * SQUARE_METRES_PER_DEG2)
            yield Violation(path, f"lies outside {name} with about {area_m2} m²", f"约 {area_m2} 平方米在{name_zh}之外")


def _misplaced_cells(pack: Pack, shapes_by_level: dict[PlaceLevel, ShapesByCode]) -> Iterator[Violation]:
    """Yield the first run of each community that has cells whose centre lies outside its street or district."""
    grid = pack.geography.grid
    if grid is None:
        return
    misplaced: dict[str, list[int]] = {}
    containers = dict(_smallest_container(pack, shapes_by_level))
    for number, run in enumerate(grid.runs):
        shape = containers.get(run.community)
        centers = [_cell_center(grid, run.row, column) for column in (run.begin, run.end - 1)]
        if shape is not None and not all(shapely.contains_xy(shape, *center) for center in centers):
            misplaced.setdefault(run.community, []).append(number)
    for community, numbers in misplaced.items():
        others = f", and {len(numbers) - 1} other lines of community {community}" if len(numbers) > 1 else ""
        others_zh = f"，社区 {community} 另有 {len(numbers) - 1} 行也如此" if len(numbers) > 1 else ""
        problem = f"has cells whose centre lies outside the shape{others}"
        problem_zh = f"有单元网格的中心在图形之外{others_zh}"
        yield Violation(("geography", "grid", "runs", numbers[0]), problem, problem_zh)


def _smallest_container(
    pack: Pack, shapes_by_level: dict[PlaceLevel, ShapesByCode]
) -> Iterator[tuple[str, MultiPolygon]]:
    """Yield each community with its own shape, else its street's, else its district's."""
    within = {place.code: place.within or "" for place in pack.geography.places}
    for place in pack.geography.places:
        if place.level == "community":
            street = place.within or ""
            found = shapes_by_level["community"].get(place.code) or shapes_by_level["street"].get(street)
            found = found or shapes_by_level["district"].get(within.get(street, ""))
            if found is not None:
                shapely.prepare(found[1])
                yield place.code, found[1]


def _cell_center(grid: Grid, row: int, column: int) -> tuple[float, float]:
    return grid.west + (column + 0.5) * grid.cell_width, grid.north - (row + 0.5) * grid.cell_height
