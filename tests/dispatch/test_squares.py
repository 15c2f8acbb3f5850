"""The squares searched hold everything within the radius, wherever on earth."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paidan_dispatch.matching.squares import distance_between_m, square_of, squares_within

# Around the equator, the city, the far north, and both sides of the date line.
latitudes = st.sampled_from([0.0, 36.0, -36.6661, 69.9, -84.9]) | st.floats(-85, 85)
longitudes = st.sampled_from([0.0, 117.0, 179.9999, -179.9999, 180.0, -180.0]) | st.floats(-180, 180)
steps = st.floats(-0.001, 0.001)


@given(latitudes, longitudes, steps, steps, st.sampled_from([1, 20, 50, 100, 300]))
def test_squares_cover_the_radius(lat: float, lon: float, north: float, east: float, radius: int) -> None:
    other_lat, other_lon = max(-85.0, min(85.0, lat + north)), (lon + 30 * east + 540) % 360 - 180
    if distance_between_m(lat, lon, other_lat, other_lon) <= radius:
        assert square_of(other_lat, other_lon, ("w",)) in squares_within(radius, lat, lon, ("w",))


def test_squares_are_few_and_fit_a_database() -> None:
    squares = squares_within(100, 36.65, 117.0, ("town", "E0110", ""))

    assert len(squares) <= 9
    assert all(-(2**63) <= square < 2**63 for square in squares)


@given(latitudes, longitudes, latitudes, longitudes)
def test_distance_is_the_same_both_ways(lat: float, lon: float, other_lat: float, other_lon: float) -> None:
    assert distance_between_m(lat, lon, other_lat, other_lon) == distance_between_m(other_lat, other_lon, lat, lon)


def test_distance_agrees_with_known_values() -> None:
    """A minute of latitude is a nautical mile, nearly."""
    assert distance_between_m(36, 117, 36 + 1 / 60, 117) == pytest.approx(1853, abs=1)
