"""Locates a report: converts its position from any datum to WGS-84 and looks it up in the city. Pure.

GCJ-02 and BD-09 are converted by the formulas as publicly described.
"""

from collections.abc import Callable
from functools import lru_cache
from math import atan2, cos, pi, sin, sqrt
from typing import Final, Literal, NamedTuple, TypeAlias

from paidan_contracts.city import UNKNOWN_PLACE, City, PlaceCodes
from paidan_contracts.city.policies import PlaceholderPosition
from paidan_contracts.places import Place, RawPosition
from paidan_contracts.unvalidated import unvalidated_constructor
from paidan_contracts.wire import Datum

PositionProblem: TypeAlias = Literal["position_of_nobody", "position_outside_city"]
LonLat: TypeAlias = tuple[float, float]
"""Longitude, latitude."""

# Semi-major axis and squared eccentricity of the Krasovsky 1940 ellipsoid, which GCJ-02 shifts on.
_SEMI_MAJOR_AXIS_M: Final = 6378245.0
_ECCENTRICITY_SQUARED: Final = 0.00669342162296594323
_BD09_FACTOR: Final = pi * 3000.0 / 180.0
_DEGREE_M: Final = 111_195.0  # of latitude
# Around 0/0 also lies what a vendor's conversion makes of 0/0; it is all sea.
_NULL_ISLAND_DEG: Final = 0.02
_TOLERANCE_DEG: Final = 1e-11  # a thousandth of a millimetre
_MAX_ITERATIONS: Final = 20
_unvalidated_place: Final = unvalidated_constructor(Place)


class Geocoded(NamedTuple):
    """A place, and the area in which its report is matched with others.

    ``position_problem``: the stated position is no place in the city, and stands in ``place.raw`` alone.
    """

    place: Place
    area: str
    position_problem: PositionProblem | None = None


def geocode(city: City, position: RawPosition | None, *, district: str | None, address: str | None) -> Geocoded:
    """Return the place of a report. A position prevails over a stated district, which may be mistyped.

    The area of what lies outside the city, or has no place at all, is the city's area for unknown districts.
    """
    place_codes, longitude, latitude = UNKNOWN_PLACE, None, None
    problem: PositionProblem | None = None
    if position is not None:
        longitude, latitude = to_wgs84(position.x, position.y, position.crs)
        place_codes = city.geography.locate(latitude, longitude)
        problem = _position_problem(city, place_codes, longitude, latitude)
        if problem is not None:
            place_codes, longitude, latitude = UNKNOWN_PLACE, None, None
    if place_codes.district is None and district is not None:
        place_codes = city.geography.locate_code(district)
    return Geocoded(
        _build_place(place_codes, longitude, latitude, position, address),
        city.area_by_district[place_codes.district],
        problem,
    )


def is_known_district(city: City, code: str) -> bool:
    """Return whether the city has a place with this code."""
    return city.geography.locate_code(code).district is not None


def _position_problem(city: City, place_codes: PlaceCodes, longitude: float, latitude: float) -> PositionProblem | None:
    if abs(longitude) < _NULL_ISLAND_DEG and abs(latitude) < _NULL_ISLAND_DEG:
        return "position_of_nobody"
    placeholders = city.matching.placeholders
    if placeholders and any(
        distance_m(longitude, latitude, x, y) <= radius_m for x, y, radius_m in _placeholders_wgs84(placeholders)
    ):
        return "position_of_nobody"
    if place_codes.district is None and city.geography.is_drawn:
        return "position_outside_city"
    return None


@lru_cache(maxsize=64)
def _placeholders_wgs84(placeholders: tuple[PlaceholderPosition, ...]) -> tuple[tuple[float, float, float], ...]:
    return tuple((*to_wgs84(each.x, each.y, each.crs), each.radius_m) for each in placeholders)


def distance_m(longitude: float, latitude: float, other_longitude: float, other_latitude: float) -> float:
    """Return the distance of two positions that are near each other."""
    east = (other_longitude - longitude) * cos(latitude / 180.0 * pi)
    return sqrt(east * east + (other_latitude - latitude) ** 2) * _DEGREE_M


def _build_place(
    place_codes: PlaceCodes,
    longitude: float | None,
    latitude: float | None,
    raw_position: RawPosition | None,
    address: str | None,
) -> Place:
    return _unvalidated_place(
        latitude=latitude,
        longitude=longitude,
        raw=raw_position,
        district=place_codes.district,
        street=place_codes.street,
        community=place_codes.community,
        grid=place_codes.grid,
        address=address,
    )


def to_wgs84(longitude: float, latitude: float, datum: Datum) -> LonLat:
    """Convert a position to WGS-84. CGCS2000 agrees with it within centimetres and is returned unchanged."""
    match datum:
        case "wgs84" | "cgcs2000":
            return longitude, latitude
        case "gcj02":
            return _invert(_wgs84_to_gcj02, (longitude, latitude))
        case "bd09":
            return _invert(_wgs84_to_gcj02, _invert(_gcj02_to_bd09, (longitude, latitude)))


def from_wgs84(longitude: float, latitude: float, datum: Datum) -> LonLat:
    """Convert a WGS-84 position to another datum."""
    match datum:
        case "wgs84" | "cgcs2000":
            return longitude, latitude
        case "gcj02":
            return _wgs84_to_gcj02((longitude, latitude))
        case "bd09":
            return _gcj02_to_bd09(_wgs84_to_gcj02((longitude, latitude)))


def is_shifted(longitude: float, latitude: float) -> bool:
    """Return whether GCJ-02 and BD-09 differ from WGS-84 here: in a rectangle around China, and nowhere else."""
    return 72.004 <= longitude <= 137.8347 and 0.8293 <= latitude <= 55.8271


def _invert(shift: Callable[[LonLat], LonLat], shifted: LonLat) -> LonLat:
    """Return the position that a shift maps here. Shifts change slowly, so each round adds a digit or two."""
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
