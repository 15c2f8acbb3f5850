"""Reads a pack's tables: departments, posts, sources, the catalogue and the calendar."""

from typing import Final

from paidan_contracts.city.diagnostics import DocumentPath, Origin
from paidan_contracts.city.pack_files import RawDocument, RawPack

_NAME_COLUMNS: Final = frozenset({"names.zh", "names.en"})
_DEPARTMENT_COLUMNS: Final = _NAME_COLUMNS | {
    *("id", "kind", "district", "street", "channel"),
    *("parent", "unit", "enforcement"),
}
_POST_COLUMNS: Final = _NAME_COLUMNS | {"id", "duty", "classes[]", "places[]", "department"}
_ANSWERABLE_COLUMNS: Final = _NAME_COLUMNS | {"id", "classes[]", "places[]", "leader", "office", "unit"}
_SOURCE_COLUMNS: Final = _NAME_COLUMNS | {
    "id",
    "kind",
    "trusted",
    "min_confidence",
    "crs",
    "callback",
    "own_topic",
    "silent_after_min",
}
_CLASS_COLUMNS: Final = _NAME_COLUMNS | {"code", "big.zh", "big.en"}
_ROW_COLUMNS: Final = frozenset(
    {"id", "class_code", "condition", "default", "limit", "accept_limit", "evidence[]"}
    | {"filing.zh", "filing.en", "closing.zh", "closing.en"}
)
_CATEGORY_COLUMNS: Final = frozenset({"source", "word", "class_code", "condition", "ignored"})
_MATTER_COLUMNS: Final = frozenset({"source", "word", "matter"})
_DAY_COLUMNS: Final = frozenset({"date", "working", "note"})
_CATALOGUE_FILES: Final = {
    "classes": _CLASS_COLUMNS,
    "rows": _ROW_COLUMNS,
    "categories": _CATEGORY_COLUMNS,
    "matters": _MATTER_COLUMNS,
}


def read_tables(raw_pack: RawPack) -> None:
    """Read every table into the document; posts.csv and answerable.csv may be missing."""
    document = raw_pack.document
    document["departments"] = raw_pack.read_csv("departments.csv", ("departments",), columns=_DEPARTMENT_COLUMNS)
    if (raw_pack.folder / "posts.csv").exists():
        document["posts"] = raw_pack.read_csv("posts.csv", ("posts",), columns=_POST_COLUMNS)
    if (raw_pack.folder / "answerable.csv").exists():
        document["answerable"] = raw_pack.read_csv("answerable.csv", ("answerable",), columns=_ANSWERABLE_COLUMNS)
    document["sources"] = raw_pack.read_csv("sources.csv", ("sources",), columns=_SOURCE_COLUMNS)
    catalogue = _subtable(document, "catalogue")
    for part, columns in _CATALOGUE_FILES.items():
        path: DocumentPath = ("catalogue", part)
        raw_pack.origins[path] = Origin(f"{part}.csv")
        optional = part in ("categories", "matters")
        catalogue[part] = raw_pack.read_csv(f"{part}.csv", path, columns=columns, optional=optional)
    raw_pack.origins["calendar", "days"] = Origin("calendar.csv")
    _subtable(document, "calendar")["days"] = raw_pack.read_csv(
        "calendar.csv", ("calendar", "days"), columns=_DAY_COLUMNS
    )


def _subtable(document: RawDocument, name: str) -> RawDocument:
    part = document.setdefault(name, {})
    return part if isinstance(part, dict) else {}
