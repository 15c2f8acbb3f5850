"""Positions of every datum in use brought to WGS-84 and back, by the formulas as publicly described. Pure."""

from collections.abc import Callable
from math import atan2, cos, pi, sin, sqrt
from typing import Final, TypeAlias

from paidan_contracts.wire import Datum

Degrees: TypeAlias = tuple[float, float]
"""Longitude, latitude."""

# Semi-major axis and squared eccentricity of the Krasovsky 1940 ellipsoid, which GCJ-02 shifts on.
_AXIS: Final = 6378245.0
_ECCENTRICITY: Final = 0.00669342162296594323
_BAIDU: Final = pi * 3000.0 / 180.0
_CLOSE_ENOUGH: Final = 1e-11  # degrees: a thousandth of a millimetre
_ROUNDS: Final = 20


def to_wgs84(longitude: float, latitude: float, datum: Datum) -> Degrees:
    """Bring a position to WGS-84. CGCS2000 agrees with it within centimetres and is taken as it is."""
    match datum:
        case "wgs84" | "cgcs2000":
            return longitude, latitude
        case "gcj02":
            return _undo(_wgs84_to_gcj02, (longitude, latitude))
        case "bd09":
            return _undo(_wgs84_to_gcj02, _undo(_gcj02_to_bd09, (longitude, latitude)))


def from_wgs84(longitude: float, latitude: float, datum: Datum) -> Degrees:
    """Say how another datum writes a WGS-84 position."""
    match datum:
        case "wgs84" | "cgcs2000":
            return longitude, latitude
        case "gcj02":
            return _wgs84_to_gcj02((longitude, latitude))
        case "bd09":
            return _gcj02_to_bd09(_wgs84_to_gcj02((longitude, latitude)))


def is_shifted(longitude: float, latitude: float) -> bool:
    """Tell whether GCJ-02 and BD-09 differ from WGS-84 here: in a rectangle around China, and nowhere else."""
    return 72.004 <= longitude <= 137.8347 and 0.8293 <= latitude <= 55.8271


def _undo(shift: Callable[[Degrees], Degrees], shifted: Degrees) -> Degrees:
    """Find what a shift brought here. It changes slowly, so its own error corrects it, a digit or two a round."""
    x, y = shifted
    for _ in range(_ROUNDS):
        there = shift((x, y))
        off_x, off_y = there[0] - shifted[0], there[1] - shifted[1]
        x, y = x - off_x, y - off_y
        if abs(off_x) < _CLOSE_ENOUGH and abs(off_y) < _CLOSE_ENOUGH:
            break
    return x, y


def _wgs84_to_gcj02(at: Degrees) -> Degrees:
    longitude, latitude = at
    if not is_shifted(longitude, latitude):
        return at
    x, y = longitude - 105.0, latitude - 35.0
    phi = latitude / 180.0 * pi
    curve = 1 - _ECCENTRICITY * sin(phi) ** 2
    east = _shift_east(x, y) * 180.0 / (_AXIS / sqrt(curve) * cos(phi) * pi)
    north = _shift_north(x, y) * 180.0 / (_AXIS * (1 - _ECCENTRICITY) / (curve * sqrt(curve)) * pi)
    return longitude + east, latitude + north


def _gcj02_to_bd09(at: Degrees) -> Degrees:
    x, y = at
    if not is_shifted(x, y):
        return at
    radius = sqrt(x * x + y * y) + 0.00002 * sin(y * _BAIDU)
    angle = atan2(y, x) + 0.000003 * cos(x * _BAIDU)
    return radius * cos(angle) + 0.0065, radius * sin(angle) + 0.006


def _shift_east(x: float, y: float) -> float:
    metres = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x))
    metres += _waves(x, (20.0, 6.0), (20.0, 2.0))
    return metres + _waves(x, (20.0, 1.0), (40.0, 1 / 3), (150.0, 1 / 12), (300.0, 1 / 30))


def _shift_north(x: float, y: float) -> float:
    metres = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x))
    metres += _waves(x, (20.0, 6.0), (20.0, 2.0))
    return metres + _waves(y, (20.0, 1.0), (40.0, 1 / 3), (160.0, 1 / 12), (320.0, 1 / 30))


def _waves(at: float, *terms: tuple[float, float]) -> float:
    return sum(height * sin(at * pulse * pi) for height, pulse in terms) * 2.0 / 3.0
