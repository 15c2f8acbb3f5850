"""A position lies in one cell, one community, one street, one district; outside the city in none."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import MultiPolygon, Point, Polygon

from paidan_contracts.city import UNKNOWN_PLACE, City, PlaceCodes, load_city
from paidan_contracts.city.geography import Geography, NamedArea, PlaceEntry, Shape
from paidan_contracts.city.geography_index import GeographyIndex
from paidan_contracts.city.pack_types import Names
from tests.contracts.city_packs import LOSANGELES, QUANCHENG, load_tiny

QUANCHENG_CITY: Final = load_city(QUANCHENG)
POSITION: Final = st.tuples(st.floats(36.57, 36.73), st.floats(116.88, 117.1))


def test_position_is_located_down_to_its_cell() -> None:
    """Cells are numbered from west to east, then from north to south (GB/T 30428.1)."""
    city = load_tiny()

    assert city.geography.locate(36.0195, 117.0005) == PlaceCodes(
        "990101", "990101001", "990101001001", "990101001001001"
    )
    assert city.geography.locate(36.0195, 117.0195).grid == "990101001001020"
    assert city.geography.locate(36.0185, 117.0005).grid == "990101001001021"
    assert city.geography.locate(36.0195, 117.0205) == PlaceCodes(
        "990102", "990102001", "990102001001", "990102001001001"
    )


@pytest.mark.parametrize(
    ("latitude", "longitude"), [(36.03, 117.01), (35.99, 117.01), (36.01, 116.99), (36.01, 117.05)]
)
def test_position_outside_the_city_is_unknown(latitude: float, longitude: float) -> None:
    assert load_tiny().geography.locate(latitude, longitude) == UNKNOWN_PLACE


def test_areas_are_the_districts_and_one_for_unknown_districts() -> None:
    city = load_tiny()

    assert city.areas == {"tiny", "tiny.990101", "tiny.990102"}
    assert city.area_by_district[city.geography.locate(36.01, 117.01).district] == "tiny.990101"
    assert city.area_by_district[UNKNOWN_PLACE.district] == "tiny"
    assert QUANCHENG_CITY.areas == {"quancheng"}
    assert QUANCHENG_CITY.area_by_district[QUANCHENG_CITY.geography.locate(36.65, 116.99).district] == "quancheng"


def test_code_is_located_with_all_that_it_lies_in() -> None:
    city = load_tiny()

    assert city.geography.locate_code("990102001") == PlaceCodes("990102", "990102001")
    assert city.geography.locate_code("990199") == city.geography.locate_code(None) == UNKNOWN_PLACE


def test_districts_without_a_shape_are_located_by_code() -> None:
    city = load_city(LOSANGELES)

    assert city.geography.locate_code("14") == PlaceCodes("14")
    assert city.geography.locate(34.05, -118.25) == UNKNOWN_PLACE


def polygons_by_code(city: City) -> dict[str, MultiPolygon]:
    return {
        place.code: MultiPolygon([Polygon(rings[0], rings[1:]) for rings in place.shape.polygons])
        for place in city.pack.geography.places
        if place.shape
    }


POLYGONS: Final = polygons_by_code(QUANCHENG_CITY)


@given(POSITION)
def test_grid_and_polygons_agree(position: tuple[float, float]) -> None:
    """The grid decides, and the map shows the polygons: they must not differ."""
    place = QUANCHENG_CITY.geography.locate(*position)
    point = Point(position[1], position[0])

    containing = {code for code, shape in POLYGONS.items() if shape.buffer(1e-9).contains(point)}
    assert {place.district, place.street} - {None} <= containing
    if place == UNKNOWN_PLACE:
        assert not any(shape.buffer(-1e-9).contains(point) for shape in POLYGONS.values())


@given(POSITION)
def test_polygons_locate_the_same_street_as_the_grid(position: tuple[float, float]) -> None:
    """A city without a grid has its polygons only."""
    geography = QUANCHENG_CITY.pack.geography.model_copy(update={"grid": None})
    by_shape, by_grid = GeographyIndex.of(geography).locate(*position), QUANCHENG_CITY.geography.locate(*position)

    if not any(shape.boundary.distance(Point(position[1], position[0])) < 1e-6 for shape in POLYGONS.values()):
        assert (by_shape.district, by_shape.street) == (by_grid.district, by_grid.street)


def test_holes_and_multiple_polygons() -> None:
    names = Names(zh="环", en="Ring")
    outer = ((0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0), (0.0, 0.0))
    hole = ((4.0, 4.0), (6.0, 4.0), (6.0, 6.0), (4.0, 6.0), (4.0, 4.0))
    island = ((20.0, 0.0), (21.0, 0.0), (21.0, 1.0), (20.0, 1.0), (20.0, 0.0))
    shape = Shape(polygons=((outer, hole), (island,)))
    index = GeographyIndex.of(
        Geography(
            places=(PlaceEntry(code="1", level="district", names=names, shape=shape),),
            areas=(NamedArea(id="ring", names=names, shape=shape),),
        )
    )

    assert index.locate(1.0, 1.0) == PlaceCodes("1", areas=frozenset({"ring"}))
    assert index.locate(0.5, 20.5).district == "1"
    assert index.locate(5.0, 5.0) == index.locate(0.5, 15.0) == UNKNOWN_PLACE


def test_point_level_with_a_vertex_is_inside() -> None:
    names = Names(zh="方", en="Diamond")
    shape = Shape(polygons=((((5.0, 0.0), (10.0, 5.0), (5.0, 10.0), (0.0, 5.0), (5.0, 0.0)),),))
    index = GeographyIndex.of(Geography(places=(PlaceEntry(code="1", level="district", names=names, shape=shape),)))

    assert index.locate(5.0, 5.0).district == "1"
    assert index.locate(5.0, 11.0) == index.locate(10.0, 0.0) == UNKNOWN_PLACE


def test_named_area_may_cross_streets() -> None:
    place = QUANCHENG_CITY.geography.locate(36.713 - 66.5 * 0.0009, 116.9 + 24.5 * 0.00112)

    assert place.areas == {"west-station"}
    assert place.district == "370103"
