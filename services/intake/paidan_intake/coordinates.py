"""Positions of every datum in use brought to WGS-84 and back, by the formulas as publicly described. Pure."""

from collections.abc import Callable
from math import atan2, cos, pi, sin, sqrt
from typing import Final, TypeAlias

from paidan_contracts.wire import Datum

LonLat: TypeAlias = tuple[float, float]
"""Longitude, latitude."""

# Semi-major axis and squared eccentricity of the Krasovsky 1940 ellipsoid, which GCJ-02 shifts on.
_SEMI_MAJOR_AXIS_M: Final = 6378245.0
_ECCENTRICITY_SQUARED: Final = 0.00669342162296594323
_BD09_FACTOR: Final = pi * 3000.0 / 180.0
_TOLERANCE_DEG: Final = 1e-11  # degrees: a thousandth of a millimetre
_MAX_ITERATIONS: Final = 20


def to_wgs84(longitude: float, latitude: float, datum: Datum) -> LonLat:
    """Bring a position to WGS-84. CGCS2000 agrees with it within centimetres and is taken as it is."""
    match datum:
        case "wgs84" | "cgcs2000":
            return longitude, latitude
        case "gcj02":
            return _invert(_wgs84_to_gcj02, (longitude, latitude))
        case "bd09":
            return _invert(_wgs84_to_gcj02, _invert(_gcj02_to_bd09, (longitude, latitude)))


def from_wgs84(longitude: float, latitude: float, datum: Datum) -> LonLat:
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


def _invert(shift: Callable[[LonLat], LonLat], shifted: LonLat) -> LonLat:
    """Find what a shift brought here. It changes slowly, so its own error corrects it, a digit or two a round."""
    x, y = shifted
    for _ in range(_MAX_ITERATIONS):
        forward = shift((x, y))
        error_x, error_y = forward[0] - shifted[0], forward[1] - shifted[1]
        x, y = x - error_x, y - error_y
        if abs(error_x) < _TOLERANCE_DEG and abs(error_y) < _TOLERANCE_DEG:
            break
    return x, y


def _wgs84_to_gcj02(position: LonLat) -> LonLat:
    longitude, latitude = position
    if not is_shifted(longitude, latitude):
        return position
    x, y = longitude - 105.0, latitude - 35.0
    phi = latitude / 180.0 * pi
    curve = 1 - _ECCENTRICITY_SQUARED * sin(phi) ** 2
    east = _shift_east(x, y) * 180.0 / (_SEMI_MAJOR_AXIS_M / sqrt(curve) * cos(phi) * pi)
    north = _shift_north(x, y) * 180.0 / (_SEMI_MAJOR_AXIS_M * (1 - _ECCENTRICITY_SQUARED) / (curve * sqrt(curve)) * pi)
    return longitude + east, latitude + north


def _gcj02_to_bd09(position: LonLat) -> LonLat:
    x, y = position
    if not is_shifted(x, y):
        return position
    radius = sqrt(x * x + y * y) + 0.00002 * sin(y * _BD09_FACTOR)
    angle = atan2(y, x) + 0.000003 * cos(x * _BD09_FACTOR)
    return radius * cos(angle) + 0.0065, radius * sin(angle) + 0.006


def _shift_east(x: float, y: float) -> float:
    metres = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x))
    metres += _wave_sum(x, (20.0, 6.0), (20.0, 2.0))
    return metres + _wave_sum(x, (20.0, 1.0), (40.0, 1 / 3), (150.0, 1 / 12), (300.0, 1 / 30))


def _shift_north(x: float, y: float) -> float:
    metres = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x))
    metres += _wave_sum(x, (20.0, 6.0), (20.0, 2.0))
    return metres + _wave_sum(y, (20.0, 1.0), (40.0, 1 / 3), (160.0, 1 / 12), (320.0, 1 / 30))


def _wave_sum(coordinate: float, *terms: tuple[float, float]) -> float:
    return sum(amplitude * sin(coordinate * frequency * pi) for amplitude, frequency in terms) * 2.0 / 3.0
