"""Reads the files under ``geography/``: places and grid from CSV, shapes from GeoJSON, joined by code."""

from typing import Final

from paidan_contracts.city.diagnostics import Origin
from paidan_contracts.city.geography import LEVELS_ZH
from paidan_contracts.city.pack_files import RawDocument, RawPack

_PLACE_COLUMNS: Final = frozenset({"code", "level", "within", "names.zh", "names.en", "drawn"})
_RUN_COLUMNS: Final = frozenset({"row", "begin", "end", "community", "first"})
_WORK_GRID_COLUMNS: Final = frozenset({"id", "names.zh", "names.en", "places[]", "posts[]"})
_LEVELS: Final = ("district", "street", "community")
_FILE_NAMES: Final = {"district": "districts", "street": "streets", "community": "communities"}


def read_geography(raw_pack: RawPack, grid: object) -> RawDocument:
    """Read the geographic part of a pack."""
    raw_pack.origins["geography",] = Origin("geography/places.csv")
    places = raw_pack.read_csv("geography/places.csv", ("geography", "places"), columns=_PLACE_COLUMNS)
    drawn_flags = {index: str(place.pop("drawn", "no")) for index, place in enumerate(places)}
    for level in _LEVELS if "geography/places.csv" not in raw_pack.missing else ():
        _attach_shapes(raw_pack, places, level)
    _check_drawn_flags(raw_pack, places, drawn_flags)
    geography: RawDocument = {"places": places, "areas": _read_areas(raw_pack), "outline": _read_outline(raw_pack)}
    if (raw_pack.folder / "geography/work_grids.csv").exists():
        path = ("geography", "work_grids")
        geography["work_grids"] = raw_pack.read_csv("geography/work_grids.csv", path, columns=_WORK_GRID_COLUMNS)
    if isinstance(grid, dict):
        raw_pack.origins["geography", "grid"] = Origin("city.toml", item="grid")
        runs = raw_pack.read_csv("geography/grid.csv", ("geography", "grid", "runs"), columns=_RUN_COLUMNS)
        geography["grid"] = {**grid, "runs": runs}
    return {part: value for part, value in geography.items() if value is not None}


def _attach_shapes(raw_pack: RawPack, places: list[RawDocument], level: str) -> None:
    file = f"geography/{_FILE_NAMES[level]}.geojson"
    index_of = {place.get("code"): index for index, place in enumerate(places) if place.get("level") == level}
    for number, feature in raw_pack.read_features(file):
        code = str(feature["properties"].get("code", ""))
        origin = Origin(file, item=f"feature {number} ({code})")
        index = index_of.get(code)
        if index is None:
            raw_pack.record_file_violation(
                origin,
                f"places.csv has no {level} with the code {code!r}",
                f"places.csv 中没有代码为 {code!r} 的{LEVELS_ZH[level]}",
            )
        elif "shape" in places[index]:
            raw_pack.record_file_violation(
                origin, f"the {level} {code!r} is drawn twice", f"{LEVELS_ZH[level]} {code!r} 被绘制了两次"
            )
        else:
            places[index]["shape"] = feature["shape"]
            raw_pack.origins["geography", "places", index, "shape"] = origin


def _check_drawn_flags(raw_pack: RawPack, places: list[RawDocument], drawn_flags: dict[int, str]) -> None:
    for index, place in enumerate(places):
        flag, has_shape = drawn_flags[index], "shape" in place
        if flag not in {"yes", "no"}:
            raw_pack.record_violation(
                ("geography", "places", index, "drawn"),
                f"must be yes or no, not {flag!r}",
                f"须为 yes 或 no，而非 {flag!r}",
            )
        elif has_shape != (flag == "yes"):
            problem = "is no, but a .geojson file draws it" if has_shape else "is yes, but no .geojson file draws it"
            problem_zh = "为 no，但有 .geojson 文件绘制了它" if has_shape else "为 yes，但没有 .geojson 文件绘制它"
            raw_pack.record_violation(("geography", "places", index, "drawn"), problem, problem_zh)


def _read_areas(raw_pack: RawPack) -> list[RawDocument]:
    file = "geography/areas.geojson"
    areas: list[RawDocument] = []
    for number, feature in raw_pack.read_features(file):
        properties = feature["properties"]
        names = {key: properties[f"names.{key}"] for key in ("zh", "en") if f"names.{key}" in properties}
        raw_pack.origins["geography", "areas", len(areas)] = Origin(file, item=f"feature {number}")
        areas.append({"id": properties.get("id"), "names": names, "shape": feature["shape"]})
    return areas


def _read_outline(raw_pack: RawPack) -> RawDocument | None:
    file = "geography/outline.geojson"
    raw_pack.origins["geography", "outline"] = Origin(file)
    shapes = [feature["shape"] for _, feature in raw_pack.read_features(file)]
    if len(shapes) > 1:
        raw_pack.record_file_violation(
            Origin(file),
            f"has {len(shapes)} features; the outline is one feature, if need be of several polygons",
            f"有 {len(shapes)} 个要素；轮廓只能是一个要素，需要时可含多个多边形",
        )
    return shapes[0] if shapes else None
