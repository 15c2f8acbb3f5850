"""A position is in one cell, one community, one street, one district; and nowhere outside the city."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import MultiPolygon, Point, Polygon

from paidan_contracts.city import NOWHERE, City, Spot, load_city
from paidan_contracts.city.geography import (
    Geography,
    NamedArea,
    PlaceEntry,
    Shape,
)
from paidan_contracts.city.geography_index import Ground
from paidan_contracts.city.pack_types import Names
from tests.contracts.city_packs import LOSANGELES, QUANCHENG, tiny

QUAN: Final = load_city(QUANCHENG)
SOMEWHERE: Final = st.tuples(st.floats(36.57, 36.73), st.floats(116.88, 117.1))


def test_a_position_is_found_down_to_its_cell() -> None:
    """Cells are numbered on from the west, and from the north (GB/T 30428.1)."""
    city = tiny()

    assert city.place_of(36.0195, 117.0005) == Spot("990101", "990101001", "990101001001", "990101001001001")
    assert city.place_of(36.0195, 117.0195).grid == "990101001001020"
    assert city.place_of(36.0185, 117.0005).grid == "990101001001021"
    assert city.place_of(36.0195, 117.0205) == Spot("990102", "990102001", "990102001001", "990102001001001")


@pytest.mark.parametrize(
    ("latitude", "longitude"), [(36.03, 117.01), (35.99, 117.01), (36.01, 116.99), (36.01, 117.05)]
)
def test_nothing_is_known_of_a_position_outside(latitude: float, longitude: float) -> None:
    assert tiny().place_of(latitude, longitude) == NOWHERE


def test_areas_are_the_districts_and_one_for_what_has_none() -> None:
    city = tiny()

    assert city.areas == {"tiny", "tiny.990101", "tiny.990102"}
    assert city.area_of(city.place_of(36.01, 117.01)) == "tiny.990101"
    assert city.area_of(NOWHERE) == "tiny"
    assert QUAN.areas == {"quancheng"}
    assert QUAN.area_of(QUAN.place_of(36.65, 116.99)) == "quancheng"


def test_a_code_alone_tells_what_it_lies_in() -> None:
    city = tiny()

    assert city.place_of_code("990102001") == Spot("990102", "990102001")
    assert city.place_of_code("990199") == city.place_of_code(None) == NOWHERE


def test_districts_that_nobody_drew_are_known_by_their_codes() -> None:
    city = load_city(LOSANGELES)

    assert city.place_of_code("14") == Spot("14")
    assert city.place_of(34.05, -118.25) == NOWHERE


def drawn(city: City) -> dict[str, MultiPolygon]:
    return {
        place.code: MultiPolygon([Polygon(rings[0], rings[1:]) for rings in place.shape.polygons])
        for place in city.pack.geography.places
        if place.shape
    }


DRAWN: Final = drawn(QUAN)


@given(SOMEWHERE)
def test_cells_and_drawn_borders_agree(position: tuple[float, float]) -> None:
    """The grid is what decides; were its borders others than those on the map, nobody would believe it."""
    spot = QUAN.place_of(*position)
    point = Point(position[1], position[0])

    holding = {code for code, shape in DRAWN.items() if shape.buffer(1e-9).contains(point)}
    assert {spot.district, spot.street} - {None} <= holding
    if spot == NOWHERE:
        assert not any(shape.buffer(-1e-9).contains(point) for shape in DRAWN.values())


@given(SOMEWHERE)
def test_polygons_alone_find_the_same_street(position: tuple[float, float]) -> None:
    """A city without a grid is looked up by its polygons."""
    geography = QUAN.pack.geography.model_copy(update={"grid": None})
    by_shape, by_grid = Ground.of(geography).at(*position), QUAN.place_of(*position)

    if not any(shape.boundary.distance(Point(position[1], position[0])) < 1e-6 for shape in DRAWN.values()):
        assert (by_shape.district, by_shape.street) == (by_grid.district, by_grid.street)


def test_holes_and_several_parts_are_respected() -> None:
    names = Names(zh="环", en="Ring")
    outer = ((0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0), (0.0, 0.0))
    hole = ((4.0, 4.0), (6.0, 4.0), (6.0, 6.0), (4.0, 6.0), (4.0, 4.0))
    island = ((20.0, 0.0), (21.0, 0.0), (21.0, 1.0), (20.0, 1.0), (20.0, 0.0))
    shape = Shape(polygons=((outer, hole), (island,)))
    ground = Ground.of(
        Geography(
            places=(PlaceEntry(code="1", level="district", names=names, shape=shape),),
            areas=(NamedArea(id="ring", names=names, shape=shape),),
        )
    )

    assert ground.at(1.0, 1.0) == Spot("1", areas=frozenset({"ring"}))
    assert ground.at(0.5, 20.5).district == "1"
    assert ground.at(5.0, 5.0) == ground.at(0.5, 15.0) == NOWHERE


def test_a_position_level_with_a_corner_is_inside_all_the_same() -> None:
    names = Names(zh="方", en="Diamond")
    shape = Shape(polygons=((((5.0, 0.0), (10.0, 5.0), (5.0, 10.0), (0.0, 5.0), (5.0, 0.0)),),))
    ground = Ground.of(Geography(places=(PlaceEntry(code="1", level="district", names=names, shape=shape),)))

    assert ground.at(5.0, 5.0).district == "1"
    assert ground.at(5.0, 11.0) == ground.at(10.0, 0.0) == NOWHERE


def test_named_areas_are_found_and_may_cut_across_streets() -> None:
    spot = QUAN.place_of(36.713 - 66.5 * 0.0009, 116.9 + 24.5 * 0.00112)

    assert spot.areas == {"west-station"}
    assert spot.district == "370103"
