"""A position is in one cell, one community, one street, one district; and nowhere outside the city."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import MultiPolygon, Point, Polygon

from paidan_contracts.city import UNKNOWN_PLACE, City, PlaceCodes, load_city
from paidan_contracts.city.geography import (
    Geography,
    NamedArea,
    PlaceEntry,
    Shape,
)
from paidan_contracts.city.geography_index import GeographyIndex
from paidan_contracts.city.pack_types import Names
from tests.contracts.city_packs import LOSANGELES, QUANCHENG, load_tiny

QUANCHENG_CITY: Final = load_city(QUANCHENG)
POSITION: Final = st.tuples(st.floats(36.57, 36.73), st.floats(116.88, 117.1))


def test_a_position_is_found_down_to_its_cell() -> None:
    """Cells are numbered on from the west, and from the north (GB/T 30428.1)."""
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
def test_nothing_is_known_of_a_position_outside(latitude: float, longitude: float) -> None:
    assert load_tiny().geography.locate(latitude, longitude) == UNKNOWN_PLACE


def test_areas_are_the_districts_and_one_for_what_has_none() -> None:
    city = load_tiny()

    assert city.areas == {"tiny", "tiny.990101", "tiny.990102"}
    assert city.area_by_district[city.geography.locate(36.01, 117.01).district] == "tiny.990101"
    assert city.area_by_district[UNKNOWN_PLACE.district] == "tiny"
    assert QUANCHENG_CITY.areas == {"quancheng"}
    assert QUANCHENG_CITY.area_by_district[QUANCHENG_CITY.geography.locate(36.65, 116.99).district] == "quancheng"


def test_a_code_alone_tells_what_it_lies_in() -> None:
    city = load_tiny()

    assert city.geography.locate_code("990102001") == PlaceCodes("990102", "990102001")
    assert city.geography.locate_code("990199") == city.geography.locate_code(None) == UNKNOWN_PLACE


def test_undrawn_districts_are_found_by_code() -> None:
    city = load_city(LOSANGELES)

    assert city.geography.locate_code("14") == PlaceCodes("14")
    assert city.geography.locate(34.05, -118.25) == UNKNOWN_PLACE


def draw_districts(city: City) -> dict[str, MultiPolygon]:
    return {
        place.code: MultiPolygon([Polygon(rings[0], rings[1:]) for rings in place.shape.polygons])
        for place in city.pack.geography.places
        if place.shape
    }


DRAWN_CITY: Final = draw_districts(QUANCHENG_CITY)


@given(POSITION)
def test_cells_and_drawn_borders_agree(position: tuple[float, float]) -> None:
    """The grid is what decides; were its borders others than those on the map, nobody would believe it."""
    spot = QUANCHENG_CITY.geography.locate(*position)
    point = Point(position[1], position[0])

    holding = {code for code, shape in DRAWN_CITY.items() if shape.buffer(1e-9).contains(point)}
    assert {spot.district, spot.street} - {None} <= holding
    if spot == UNKNOWN_PLACE:
        assert not any(shape.buffer(-1e-9).contains(point) for shape in DRAWN_CITY.values())


@given(POSITION)
def test_polygons_alone_find_the_same_street(position: tuple[float, float]) -> None:
    """A city without a grid is looked up by its polygons."""
    geography = QUANCHENG_CITY.pack.geography.model_copy(update={"grid": None})
    by_shape, by_grid = GeographyIndex.of(geography).locate(*position), QUANCHENG_CITY.geography.locate(*position)

    if not any(shape.boundary.distance(Point(position[1], position[0])) < 1e-6 for shape in DRAWN_CITY.values()):
        assert (by_shape.district, by_shape.street) == (by_grid.district, by_grid.street)


def test_holes_and_several_parts_are_respected() -> None:
    names = Names(zh="环", en="Ring")
    outer = ((0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0), (0.0, 0.0))
    hole = ((4.0, 4.0), (6.0, 4.0), (6.0, 6.0), (4.0, 6.0), (4.0, 4.0))
    island = ((20.0, 0.0), (21.0, 0.0), (21.0, 1.0), (20.0, 1.0), (20.0, 0.0))
    shape = Shape(polygons=((outer, hole), (island,)))
    ground = GeographyIndex.of(
        Geography(
            places=(PlaceEntry(code="1", level="district", names=names, shape=shape),),
            areas=(NamedArea(id="ring", names=names, shape=shape),),
        )
    )

    assert ground.locate(1.0, 1.0) == PlaceCodes("1", areas=frozenset({"ring"}))
    assert ground.locate(0.5, 20.5).district == "1"
    assert ground.locate(5.0, 5.0) == ground.locate(0.5, 15.0) == UNKNOWN_PLACE


def test_point_level_with_a_vertex_is_inside() -> None:
    names = Names(zh="方", en="Diamond")
    shape = Shape(polygons=((((5.0, 0.0), (10.0, 5.0), (5.0, 10.0), (0.0, 5.0), (5.0, 0.0)),),))
    ground = GeographyIndex.of(Geography(places=(PlaceEntry(code="1", level="district", names=names, shape=shape),)))

    assert ground.locate(5.0, 5.0).district == "1"
    assert ground.locate(5.0, 11.0) == ground.locate(10.0, 0.0) == UNKNOWN_PLACE


def test_named_areas_are_found_and_may_cut_across_streets() -> None:
    spot = QUANCHENG_CITY.geography.locate(36.713 - 66.5 * 0.0009, 116.9 + 24.5 * 0.00112)

    assert spot.areas == {"west-station"}
    assert spot.district == "370103"
