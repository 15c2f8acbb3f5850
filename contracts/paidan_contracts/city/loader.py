"""From a pack's folder to a `Pack`: which file holds which part. What the parts must agree on is in `checking`.

====================  =============================================================================
city.toml             id, names, zone, area level, working hours, grid corner, catalogue's generation
terms.toml            clocks, matching, screening
departments.csv       who acts
sources.csv           who reports
classes.csv rows.csv  the catalogue
categories.csv        the sources' own words for classes
routing.toml          [[rules]] in order
calendar.csv          every date
indicators.toml       [[counts]] and [[rates]]
imports/*.toml        how files of somebody else's records are read
geography/            places.csv, grid.csv; outline, districts, streets, communities, areas .geojson
====================  =============================================================================
"""

from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from paidan_contracts.city.city import City
from paidan_contracts.city.diagnostics import (
    Fault,
    Mistake,
    Origin,
    Origins,
    Path,
    Unfit,
)
from paidan_contracts.city.geography_files import read_geography
from paidan_contracts.city.pack import Pack
from paidan_contracts.city.pack_files import Draft, Raw
from paidan_contracts.city.prune import leave_out
from paidan_contracts.city.validation import check

_NAMES: Final = frozenset({"names.zh", "names.en"})
_DEPARTMENT: Final = _NAMES | {"id", "kind", "district", "street", "channel"}
_SOURCE: Final = _NAMES | {"id", "kind", "trusted", "min_confidence", "crs", "callback"}
_CLASS: Final = _NAMES | {"code", "big.zh", "big.en"}
_ROW: Final = frozenset(
    {"id", "class_code", "condition", "default", "limit", "accept_limit", "evidence[]"}
    | {"filing.zh", "filing.en", "closing.zh", "closing.en"}
)
_CATEGORY: Final = frozenset({"source", "word", "class_code", "condition", "ignored"})
_DAY: Final = frozenset({"date", "working", "note"})


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of reading a folder: the pack if it could be read at all, what is wrong, and where its parts stand."""

    pack: Pack | None
    mistakes: tuple[Mistake, ...]
    origins: Origins


def load_city(folder: FilePath) -> City:
    """Read and check a folder; raises ``Unfit`` with every mistake."""
    reading = read_pack(folder)
    if reading.mistakes or reading.pack is None:
        raise Unfit(reading.mistakes)
    return City.of(reading.pack)


def read_pack(folder: FilePath) -> Reading:
    """Read and check a folder, and name every mistake.

    An entry that cannot be read is left out and the rest checked all the same, so that one round of mending is enough.
    """
    draft = Draft(folder)
    _read_city(draft)
    _read_tables(draft)
    _read_lists(draft)
    draft.document["geography"] = read_geography(draft, draft.document.pop("grid", None))
    return _judged(draft)


def _read_city(draft: Draft) -> None:
    draft.origins[()] = Origin("city.toml")
    raw = draft.toml("city.toml")
    draft.document.update(raw)
    terms = draft.toml("terms.toml")
    for part in ("clocks", "matching", "screening"):
        draft.origins[part,] = Origin("terms.toml", item=part)
        if part in terms:
            draft.document[part] = terms.pop(part)
    for stray in terms:
        draft.fault(Origin("terms.toml", item=stray), "nobody knows this part")


def _read_tables(draft: Draft) -> None:
    document = draft.document
    document["departments"] = draft.table("departments.csv", ("departments",), columns=_DEPARTMENT)
    document["sources"] = draft.table("sources.csv", ("sources",), columns=_SOURCE)
    catalogue = _part(document, "catalogue")
    for part, columns in (("classes", _CLASS), ("rows", _ROW), ("categories", _CATEGORY)):
        path: Path = ("catalogue", part)
        draft.origins[path] = Origin(f"{part}.csv")
        catalogue[part] = draft.table(f"{part}.csv", path, columns=columns, optional=part == "categories")
    draft.origins["calendar", "days"] = Origin("calendar.csv")
    _part(document, "calendar")["days"] = draft.table("calendar.csv", ("calendar", "days"), columns=_DAY)


def _read_lists(draft: Draft) -> None:
    routing = draft.toml("routing.toml")
    draft.listed("routing.toml", routing, [("rules", ("routing",))])
    draft.origins["routing",] = Origin("routing.toml")
    draft.document["routing"] = routing.pop("rules", [])
    for stray in routing:
        draft.fault(Origin("routing.toml", item=stray), "nobody knows this; rules are written [[rules]]")
    indicators = draft.toml("indicators.toml")
    draft.origins["indicators",] = Origin("indicators.toml")
    paths: list[tuple[str, Path]] = [(part, ("indicators", part)) for part in ("counts", "rates")]
    draft.listed("indicators.toml", indicators, paths)
    draft.document["indicators"] = indicators
    draft.document["imports"] = [_read_import(draft, index, file) for index, file in enumerate(_imports(draft))]


def _imports(draft: Draft) -> list[FilePath]:
    return sorted((draft.folder / "imports").glob("*.toml"))


def _read_import(draft: Draft, index: int, file: FilePath) -> Raw:
    name = f"imports/{file.name}"
    raw = draft.toml(name)
    draft.origins["imports", index] = Origin(name)
    parts = ("categories", "owners", "sources", "statuses")
    draft.listed(name, raw, [(part, ("imports", index, part)) for part in parts])
    return {"id": file.stem, **raw}


def _part(document: Raw, name: str) -> Raw:
    part = document.setdefault(name, {})
    return part if isinstance(part, dict) else {}


def _judged(draft: Draft) -> Reading:
    mistakes = list(Origins(draft.origins).mistakes(draft.faults))
    draft.faults.clear()
    pack, faults = _built(draft)
    mistakes += Origins(draft.origins).mistakes(faults)
    if pack is None:
        excused = leave_out(draft, faults)
        pack, _ = _built(draft)
    else:
        excused = frozenset[str]()
    origins = Origins(draft.origins)
    if pack is not None:
        mistakes += origins.mistakes(check(pack, excused))
    return Reading(pack, tuple(sorted(set(mistakes))), origins)


def _built(draft: Draft) -> tuple[Pack | None, list[Fault]]:
    try:
        return Pack.model_validate(draft.document), []
    except ValidationError as error:
        return None, [Fault(_path(each["loc"]), _problem(each)) for each in error.errors(include_url=False)]


def _path(loc: tuple[int | str, ...]) -> Path:
    return tuple(loc)


def _problem(error: ErrorDetails) -> str:
    match error["type"]:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            return "nobody knows this field"
        case _:
            found = error["input"]
            shown = f", not {found!r}" if isinstance(found, str | int | float) else ""
            return error["msg"].removeprefix("Value error, ").removesuffix(".") + shown
