"""Loads a pack's folder as a `Pack`. How its parts must agree is in `validation`.

====================  =============================================================================
city.toml             id, names, zone, area level, working hours, grid corner, catalogue's generation
terms.toml            clocks, matching, callbacks, [[noted]], numbers, screening, hand_on, enforcement, complaints,
                      verification, construction, settlement, [[duties]]
escalation.toml       [[levels]] and [[steps]] of the escalation ladder (optional)
emergencies.toml      [[plans]] with levels: emergencies and events that may be declared (optional)
privacy.toml          words and patterns for the masking of personal data, beside the common ones (optional)
departments.csv       departments
posts.csv             posts, for persons who sign in (optional)
answerable.csv        leaders, offices and units that answer for an area or a class (optional)
sources.csv           sources of reports
classes.csv rows.csv  the catalogue
categories.csv        the sources' own categories, mapped to classes
matters.csv           the sources' own words of matters, mapped to matter types
routing.toml          [[rules]] in order
calendar.csv          every date
indicators.toml       [[counts]] and [[rates]]
imports/*.toml        how records of other systems are imported
geography/            places.csv, grid.csv, work_grids.csv; outline, districts, streets, communities, areas .geojson
====================  =============================================================================
"""

from dataclasses import dataclass
from pathlib import Path as FilePath

from pydantic import ValidationError

from paidan_contracts.city.city import City
from paidan_contracts.city.diagnostics import Diagnostic, DocumentPath, InvalidPack, Origin, OriginMap, Violation
from paidan_contracts.city.field_errors import describe_error
from paidan_contracts.city.geography_files import read_geography
from paidan_contracts.city.pack import Pack
from paidan_contracts.city.pack_files import RawDocument, RawPack
from paidan_contracts.city.pack_folder import check_file_names, find_no_pack, merge_missing_columns
from paidan_contracts.city.pack_tables import read_tables
from paidan_contracts.city.prune import prune_invalid
from paidan_contracts.city.validation import validate


@dataclass(frozen=True, slots=True)
class LoadResult:
    """The pack, unless it could not be read at all; every error in it; and the origin of its parts."""

    pack: Pack | None
    diagnostics: tuple[Diagnostic, ...]
    origins: OriginMap


def load_city(folder: FilePath) -> City:
    """Load and validate a folder; raise ``InvalidPack`` with every error."""
    result = load_pack(folder)
    if result.diagnostics or result.pack is None:
        raise InvalidPack(result.diagnostics)
    return City.of(result.pack)


def load_pack(folder: FilePath) -> LoadResult:
    """Load and validate a folder, and return every error.

    Entries with an error are left out and the others are validated all the same, so that all errors show at once. A
    missing file is one error: what lacks its entries is not reported, and whether the parts agree is seen once it is
    there. A folder without any file of a pack is one error.
    """
    if no_pack := find_no_pack(folder):
        return LoadResult(None, (no_pack,), OriginMap({}))
    raw_pack = RawPack(folder)
    _read_city(raw_pack)
    _read_escalation(raw_pack)
    _read_emergencies(raw_pack)
    _read_privacy(raw_pack)
    read_tables(raw_pack)
    _read_toml_lists(raw_pack)
    raw_pack.document["geography"] = read_geography(raw_pack, raw_pack.document.pop("grid", None))
    check_file_names(raw_pack)
    return _validate(raw_pack)


def _read_city(raw_pack: RawPack) -> None:
    raw_pack.origins[()] = Origin("city.toml")
    raw = raw_pack.read_toml("city.toml")
    raw_pack.document.update(raw)
    terms = raw_pack.read_toml("terms.toml")
    raw_pack.record_entry_lines("terms.toml", terms, [("noted", ("noted",)), ("duties", ("duties",))])
    for part in (
        "clocks",
        "matching",
        "callbacks",
        "noted",
        "numbers",
        "screening",
        "hand_on",
        "enforcement",
        "complaints",
        "verification",
        "construction",
        "settlement",
        "duties",
    ):
        raw_pack.origins[part,] = Origin("terms.toml", item=part)
        if part in terms:
            raw_pack.document[part] = terms.pop(part)
    for unknown in terms:
        raw_pack.record_file_violation(Origin("terms.toml", item=unknown), "unknown part", "未知的部分")


def _read_escalation(raw_pack: RawPack) -> None:
    if (raw_pack.folder / "escalation.toml").exists():
        raw = raw_pack.read_toml("escalation.toml")
        paths: list[tuple[str, DocumentPath]] = [(part, ("escalation", part)) for part in ("levels", "steps")]
        raw_pack.record_entry_lines("escalation.toml", raw, paths)
        raw_pack.origins["escalation",] = Origin("escalation.toml")
        raw_pack.document["escalation"] = raw


def _read_emergencies(raw_pack: RawPack) -> None:
    if (raw_pack.folder / "emergencies.toml").exists():
        unknown_key = "unknown key; plans are written [[plans]]", "未知的键；预案写作 [[plans]]"
        _read_list(raw_pack, "emergencies.toml", "plans", "emergencies", unknown_key)


def _read_privacy(raw_pack: RawPack) -> None:
    if (raw_pack.folder / "privacy.toml").exists():
        raw = raw_pack.read_toml("privacy.toml")
        raw_pack.record_entry_lines("privacy.toml", raw, [("patterns", ("privacy", "patterns"))])
        raw_pack.origins["privacy",] = Origin("privacy.toml")
        raw_pack.document["privacy"] = raw


def _read_toml_lists(raw_pack: RawPack) -> None:
    unknown_key = "unknown key; rules are written [[rules]]", "未知的键；规则写作 [[rules]]"
    _read_list(raw_pack, "routing.toml", "rules", "routing", unknown_key)
    indicators = raw_pack.read_toml("indicators.toml")
    raw_pack.origins["indicators",] = Origin("indicators.toml")
    paths: list[tuple[str, DocumentPath]] = [(part, ("indicators", part)) for part in ("counts", "rates")]
    raw_pack.record_entry_lines("indicators.toml", indicators, paths)
    raw_pack.document["indicators"] = indicators
    raw_pack.document["imports"] = [
        _read_import(raw_pack, index, file) for index, file in enumerate(_import_files(raw_pack))
    ]


def _read_list(raw_pack: RawPack, file: str, key: str, part: str, unknown_key: tuple[str, str]) -> None:
    """Read a file that holds one list into a part of the document."""
    raw = raw_pack.read_toml(file)
    raw_pack.record_entry_lines(file, raw, [(key, (part,))])
    raw_pack.origins[part,] = Origin(file)
    raw_pack.document[part] = raw.pop(key, [])
    for unknown in raw:
        raw_pack.record_file_violation(Origin(file, item=unknown), *unknown_key)


def _import_files(raw_pack: RawPack) -> list[FilePath]:
    return sorted((raw_pack.folder / "imports").glob("*.toml"))


def _read_import(raw_pack: RawPack, index: int, file: FilePath) -> RawDocument:
    name = f"imports/{file.name}"
    raw = raw_pack.read_toml(name)
    raw_pack.origins["imports", index] = Origin(name)
    parts = ("categories", "owners", "sources", "statuses")
    raw_pack.record_entry_lines(name, raw, [(part, ("imports", index, part)) for part in parts])
    return {"id": file.stem, **raw}


def _validate(raw_pack: RawPack) -> LoadResult:
    diagnostics = list(OriginMap(raw_pack.origins).to_diagnostics(raw_pack.violations))
    raw_pack.violations.clear()
    pack, violations = _build_pack(raw_pack)
    built = OriginMap(raw_pack.origins).to_diagnostics(violations)
    if raw_pack.missing:
        diagnostics += (each for each in built if each.file not in raw_pack.missing)
        return LoadResult(None, merge_missing_columns(raw_pack, diagnostics), OriginMap(raw_pack.origins))
    diagnostics += built
    if pack is None:
        pruned_ids = prune_invalid(raw_pack, violations)
        pack, _ = _build_pack(raw_pack)
    else:
        pruned_ids = frozenset[str]()
    origins = OriginMap(raw_pack.origins)
    if pack is not None:
        diagnostics += origins.to_diagnostics(validate(pack, pruned_ids))
    return LoadResult(pack, merge_missing_columns(raw_pack, diagnostics), origins)


def _build_pack(raw_pack: RawPack) -> tuple[Pack | None, list[Violation]]:
    try:
        return Pack.model_validate(raw_pack.document), []
    except ValidationError as error:
        return None, [
            Violation(_document_path(each["loc"]), *describe_error(each)) for each in error.errors(include_url=False)
        ]


def _document_path(loc: tuple[int | str, ...]) -> DocumentPath:
    return tuple(loc)
