"""Where a report is about: its position brought to WGS-84 and found on the city's ground. Pure."""

from dataclasses import dataclass

from paidan_contracts.city import NOWHERE, City, Spot
from paidan_contracts.places import Place, RawPosition
from paidan_intake.coordinates import to_wgs84


@dataclass(frozen=True, slots=True)
class Placed:
    """A place and the area in which its report is matched. ``outside``: the position lies in no part of the city."""

    place: Place
    area: str
    outside: bool = False


def place(city: City, position: RawPosition | None, *, district: str | None, address: str | None) -> Placed:
    """Find a report's place. A position goes before a stated district, which may be mistyped; either may be unknown.

    What lies outside the city, or has no place at all, is in the area that the city keeps for unknown districts.
    """
    spot, longitude, latitude = NOWHERE, None, None
    if position is not None:
        longitude, latitude = to_wgs84(position.x, position.y, position.crs)
        spot = city.place_of(latitude, longitude)
    outside = position is not None and spot.district is None and _is_drawn(city)
    if spot.district is None and district is not None:
        spot = city.place_of_code(district)
    return Placed(_place(spot, longitude, latitude, position, address), city.area_of(spot), outside)


def knows_district(city: City, code: str) -> bool:
    """Tell whether the city has a place with this code."""
    return city.place_of_code(code).district is not None


def _place(
    spot: Spot, longitude: float | None, latitude: float | None, raw: RawPosition | None, address: str | None
) -> Place:
    return Place(
        latitude=latitude,
        longitude=longitude,
        raw=raw,
        district=spot.district,
        street=spot.street,
        community=spot.community,
        grid=spot.grid,
        address=address,
    )


def _is_drawn(city: City) -> bool:
    return city.ground.cells is not None or any(city.ground.shapes.values())
