"""Datums: measured values of Jinan, and round trips to within a millimetre."""

from math import cos, hypot, radians

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paidan_contracts.wire import Datum
from paidan_intake.locations import from_wgs84, is_shifted, to_wgs84

JINAN = (117.000923, 36.675807)
# Inside the rectangle by more than the largest shift, so that a position and its shifted self are both in it.
CHINA = st.tuples(st.floats(72.1, 137.7), st.floats(0.9, 55.7))
ANYWHERE = st.tuples(st.floats(-180, 180), st.floats(-90, 90))
SHIFTED: list[Datum] = ["gcj02", "bd09"]


def metres(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return the distance of two near positions."""
    return hypot((one[0] - other[0]) * 111_320 * cos(radians(one[1])), (one[1] - other[1]) * 110_574)


@pytest.mark.parametrize(
    ("datum", "measured", "metres_off"),
    [("gcj02", (117.006770, 36.676078), 522), ("bd09", (117.013153, 36.682402), 1314)],
)
def test_jinan_is_shifted_as_measured(datum: Datum, measured: tuple[float, float], metres_off: int) -> None:
    shifted = from_wgs84(*JINAN, datum)

    assert shifted == pytest.approx(measured, abs=1e-6)
    assert metres(JINAN, shifted) == pytest.approx(metres_off, abs=3)
    assert metres(to_wgs84(*measured, datum), JINAN) < 0.15, "the measured values have six decimals"


@pytest.mark.parametrize("datum", SHIFTED)
@given(at=CHINA)
def test_conversion_round_trip_from_wgs84(datum: Datum, at: tuple[float, float]) -> None:
    """The plain inverse is 1-2 m off, and would put a case on the wrong side of a cell's border."""
    assert metres(to_wgs84(*from_wgs84(*at, datum), datum), at) < 0.001


@pytest.mark.parametrize("datum", SHIFTED)
@given(at=CHINA)
def test_conversion_round_trip_to_wgs84(datum: Datum, at: tuple[float, float]) -> None:
    there = to_wgs84(*at, datum)

    assert metres(from_wgs84(*there, datum), at) < 0.001


@given(at=CHINA)
def test_bd09_is_applied_on_top_of_gcj02(at: tuple[float, float]) -> None:
    """They differ by many grid cells: mistaking one for the other puts every case in another street."""
    assert 600 < metres(from_wgs84(*at, "bd09"), from_wgs84(*at, "gcj02")) < 1600


@pytest.mark.parametrize("datum", ["wgs84", "cgcs2000", *SHIFTED])
@given(at=ANYWHERE)
def test_positions_outside_china_are_unchanged(datum: Datum, at: tuple[float, float]) -> None:
    if not is_shifted(*at) or datum in ("wgs84", "cgcs2000"):
        assert to_wgs84(*at, datum) == at
        assert from_wgs84(*at, datum) == at
    else:
        to_wgs84(*at, datum)  # never raises, not on the border either
