"""Where a report is about: its position brought to WGS-84 and found on the city's ground. Pure."""

from dataclasses import dataclass

from paidan_contracts.city import UNKNOWN_PLACE, City, PlaceCodes
from paidan_contracts.places import Place, RawPosition
from paidan_intake.coordinates import to_wgs84


@dataclass(frozen=True, slots=True)
class Geocoded:
    """A place and the area in which its report is matched. ``outside``: the position lies in no part of the city."""

    place: Place
    area: str
    is_outside_city: bool = False


def geocode(city: City, position: RawPosition | None, *, district: str | None, address: str | None) -> Geocoded:
    """Find a report's place. A position goes before a stated district, which may be mistyped; either may be unknown.

    What lies outside the city, or has no place at all, is in the area that the city keeps for unknown districts.
    """
    place_codes, longitude, latitude = UNKNOWN_PLACE, None, None
    if position is not None:
        longitude, latitude = to_wgs84(position.x, position.y, position.crs)
        place_codes = city.geography.locate(latitude, longitude)
    is_outside_city = position is not None and place_codes.district is None and _has_geometry(city)
    if place_codes.district is None and district is not None:
        place_codes = city.geography.locate_code(district)
    return Geocoded(
        _build_place(place_codes, longitude, latitude, position, address),
        city.area_by_district[place_codes.district],
        is_outside_city,
    )


def is_known_district(city: City, code: str) -> bool:
    """Tell whether the city has a place with this code."""
    return city.geography.locate_code(code).district is not None


def _build_place(
    place_codes: PlaceCodes,
    longitude: float | None,
    latitude: float | None,
    raw_position: RawPosition | None,
    address: str | None,
) -> Place:
    return Place(
        latitude=latitude,
        longitude=longitude,
        raw=raw_position,
        district=place_codes.district,
        street=place_codes.street,
        community=place_codes.community,
        grid=place_codes.grid,
        address=address,
    )


def _has_geometry(city: City) -> bool:
    return city.geography.grid_index is not None or any(city.geography.shapes.values())
