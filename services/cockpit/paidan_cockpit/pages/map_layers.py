"""What maps draw from a city's pack, as JSON: borders with names in the reader's language, and the unit grid. Pure."""

from collections.abc import Iterator
from typing import Any, Final

from paidan_cockpit.pages.json_text import json_text
from paidan_cockpit.pages.names import CityNames
from paidan_contracts.city import City
from paidan_contracts.city.geography import Shape

_LEVELS: Final = ("district", "street")


def borders(city: City, names: CityNames) -> bytes:
    """Return the city's outline, districts, streets and named areas as GeoJSON."""
    return _json({"type": "FeatureCollection", "features": list(_features(city, names))})


def grid(city: City) -> bytes:
    """Return the unit grid as its pack states it: where it begins, its cells' size, and runs of adjacent cells."""
    unit_grid = city.pack.geography.grid
    if unit_grid is None:
        return _json({"runs": []})
    runs = [[run.row, run.begin, run.end, run.community, run.first] for run in unit_grid.runs]
    size = {
        "north": unit_grid.north,
        "west": unit_grid.west,
        "height": unit_grid.cell_height,
        "width": unit_grid.cell_width,
    }
    return _json(size | {"runs": runs})


def _features(city: City, names: CityNames) -> Iterator[dict[str, Any]]:
    geography = city.pack.geography
    if geography.outline is not None:
        yield _feature(geography.outline, level="city", code="", name=names.city_name())
    for place in geography.places:
        if place.shape is not None and place.level in _LEVELS:
            yield _feature(place.shape, level=place.level, code=place.code, name=names.of(place.names))
    for area in geography.areas:
        yield _feature(area.shape, level="area", code=area.id, name=names.of(area.names))


def _feature(shape: Shape, **properties: str) -> dict[str, Any]:
    return {
        "type": "Feature",
        "properties": properties,
        "geometry": {"type": "MultiPolygon", "coordinates": shape.polygons},
    }


def _json(value: object) -> bytes:
    return json_text(value).encode()
