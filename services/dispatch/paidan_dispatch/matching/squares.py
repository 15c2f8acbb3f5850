"""Squares of a grid over the earth, by which cases near a report are found, and distances."""

from functools import lru_cache
from hashlib import blake2b
from math import asin, cos, degrees, floor, radians, sin, sqrt
from typing import Final

EARTH_RADIUS_M: Final = 6_371_008.8
"""Mean radius."""


MAX_LATITUDE: Final = 85.0
"""There is no city beyond this latitude, and squares shrink to slivers: nothing is matched there."""


_SIDE_DEG: Final = 0.002
"""Degrees: some 200 m, so that a usual radius meets four squares. Stored keys depend on it: never change it."""


_COLUMNS: Final = 180_000


_COLUMN_BITS: Final = 18


def distance_between_m(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """Return the distance on the ground, rounded to a decimetre; symmetric. Merge events show the rounded value."""
    latitude_term = sin(radians(other_latitude - latitude) / 2) ** 2
    longitude_term = sin(radians(other_longitude - longitude) / 2) ** 2
    chord = latitude_term + cos(radians(latitude)) * cos(radians(other_latitude)) * longitude_term
    return round(2 * EARTH_RADIUS_M * asin(min(1.0, sqrt(chord))), 1)


def square_of(latitude: float, longitude: float, namespace: tuple[str, ...]) -> int:
    """Return the key of the square that a position lies in; keys of two namespaces hardly ever coincide."""
    return _square_id(_namespace_offset(namespace), _row(latitude), _column(longitude) % _COLUMNS)


@lru_cache(maxsize=4096)
def squares_within(radius_m: float, latitude: float, longitude: float, namespace: tuple[str, ...]) -> tuple[int, ...]:
    """Return the keys of all squares that a circle may touch."""
    # A metre more, for the decimetre that distances are rounded to and the last bits of the arithmetic.
    latitude_delta = degrees((radius_m + 1) / EARTH_RADIUS_M)
    longitude_delta = latitude_delta / cos(radians(abs(latitude) + latitude_delta))
    rows = range(_row(latitude - latitude_delta), _row(latitude + latitude_delta) + 1)
    columns = [
        column % _COLUMNS
        for column in range(_column(longitude - longitude_delta), _column(longitude + longitude_delta) + 1)
    ]
    origin = _namespace_offset(namespace)
    return tuple([_square_id(origin, row, column) for row in rows for column in columns])


def _row(latitude: float) -> int:
    return floor((latitude + 90) / _SIDE_DEG)


def _column(longitude: float) -> int:
    # Columns run on across the date line; their remainder brings them back, so that neighbours there meet.
    return floor((longitude + 180) / _SIDE_DEG)


def _square_id(origin: int, row: int, column: int) -> int:
    return origin + (row << _COLUMN_BITS | column)


@lru_cache(maxsize=65_536)
def _namespace_offset(namespace: tuple[str, ...]) -> int:
    encoded = "\x1f".join(namespace).encode()
    return int.from_bytes(blake2b(encoded, digest_size=8).digest()) >> 2
