"""Reads the files under ``geography/``: places and grid from CSV, shapes from GeoJSON, one put to the other by code."""

from typing import Final

from paidan_contracts.city.diagnostics import Origin
from paidan_contracts.city.pack_files import Draft, Raw

_PLACE: Final = frozenset({"code", "level", "within", "names.zh", "names.en", "drawn"})
_RUN: Final = frozenset({"row", "begin", "end", "community", "first"})
_DRAWN: Final = ("district", "street", "community")
_FILES: Final = {"district": "districts", "street": "streets", "community": "communities"}


def read_geography(draft: Draft, grid: object) -> Raw:
    """Read all that a pack says about its places."""
    draft.origins["geography",] = Origin("geography/places.csv")
    places = draft.table("geography/places.csv", ("geography", "places"), columns=_PLACE)
    draw = {index: str(place.pop("drawn", "no")) for index, place in enumerate(places)}
    for level in _DRAWN:
        _draw(draft, places, level)
    _say_undrawn(draft, places, draw)
    geography: Raw = {"places": places, "areas": _areas(draft), "outline": _outline(draft)}
    if isinstance(grid, dict):
        draft.origins["geography", "grid"] = Origin("city.toml", item="grid")
        runs = draft.table("geography/grid.csv", ("geography", "grid", "runs"), columns=_RUN)
        geography["grid"] = {**grid, "runs": runs}
    return {part: value for part, value in geography.items() if value is not None}


def _draw(draft: Draft, places: list[Raw], level: str) -> None:
    file = f"geography/{_FILES[level]}.geojson"
    index_of = {place.get("code"): index for index, place in enumerate(places) if place.get("level") == level}
    for number, feature in draft.features(file):
        code = str(feature["properties"].get("code", ""))
        origin = Origin(file, item=f"feature {number} ({code})")
        index = index_of.get(code)
        if index is None:
            draft.fault(origin, f"places.csv has no {level} with the code {code!r}")
        elif "shape" in places[index]:
            draft.fault(origin, f"the {level} {code!r} is drawn twice")
        else:
            places[index]["shape"] = feature["shape"]
            draft.origins["geography", "places", index, "shape"] = origin


def _say_undrawn(draft: Draft, places: list[Raw], draw: dict[int, str]) -> None:
    for index, place in enumerate(places):
        said, drawn = draw[index], "shape" in place
        if said not in {"yes", "no"}:
            draft.faults_at(("geography", "places", index, "drawn"), f"must be yes or no, not {said!r}")
        elif drawn != (said == "yes"):
            problem = "says that it is not drawn, but a .geojson draws it" if drawn else "is drawn in no .geojson"
            draft.faults_at(("geography", "places", index, "drawn"), problem)


def _areas(draft: Draft) -> list[Raw]:
    file = "geography/areas.geojson"
    areas: list[Raw] = []
    for number, feature in draft.features(file):
        properties = feature["properties"]
        names = {key: properties[f"names.{key}"] for key in ("zh", "en") if f"names.{key}" in properties}
        draft.origins["geography", "areas", len(areas)] = Origin(file, item=f"feature {number}")
        areas.append({"id": properties.get("id"), "names": names, "shape": feature["shape"]})
    return areas


def _outline(draft: Draft) -> Raw | None:
    file = "geography/outline.geojson"
    draft.origins["geography", "outline"] = Origin(file)
    found = [feature["shape"] for _, feature in draft.features(file)]
    if len(found) > 1:
        draft.fault(Origin(file), f"has {len(found)} features; a city has one outline, of several polygons if need be")
    return found[0] if found else None
