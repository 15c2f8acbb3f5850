"""Checks a pack's folder as a whole: names of files that nobody reads, and columns that every row lacks."""

from collections import Counter
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from paidan_contracts.city.diagnostics import Diagnostic, Origin
from paidan_contracts.city.field_errors import MISSING
from paidan_contracts.city.pack_files import RawPack

_FILE_NAMES: Final = frozenset(
    {"city.toml", "terms.toml", "privacy.toml", "routing.toml", "indicators.toml"}
    | {"departments.csv", "sources.csv", "classes.csv", "rows.csv", "categories.csv", "matters.csv", "calendar.csv"}
    | {"posts.csv", "answerable.csv", "emergencies.toml", "escalation.toml"}
    | {"geography/places.csv", "geography/grid.csv", "geography/work_grids.csv"}
    | {f"geography/{name}.geojson" for name in ("outline", "districts", "streets", "communities", "areas")}
)
_READ_FORMATS: Final = (".toml", ".csv", ".geojson", ".json")


def find_no_pack(folder: Path) -> Diagnostic | None:
    """Return the one error of a folder that holds no file of a pack; it names the packs in it, if it holds some."""
    if any((folder / name).exists() for name in _FILE_NAMES):
        return None
    packs = ", ".join(sorted(found.parent.name for found in folder.glob("*/city.toml")))
    hint = f"; there are packs in folders of it: {packs}" if packs else ""
    hint_zh = f"；其子文件夹中有配置包：{packs}" if packs else ""
    return Diagnostic(
        folder.name,
        0,
        "",
        "",
        f"the folder is no city pack: none of its files is there{hint}",
        f"该文件夹不是城市配置包：其中没有配置包的任何文件{hint_zh}",
    )


def check_file_names(raw_pack: RawPack) -> None:
    """Record each file in a format of packs that nothing reads: its name is probably misspelt."""
    for file in sorted(raw_pack.folder.rglob("*")):
        name = file.relative_to(raw_pack.folder).as_posix()
        is_import = name.startswith("imports/") and name.count("/") == 1 and name.endswith(".toml")
        if file.suffix.lower() not in _READ_FORMATS or name in _FILE_NAMES or is_import or "/." in f"/{name}":
            continue
        near = get_close_matches(name, sorted(_FILE_NAMES), n=1, cutoff=0.75)
        hint = f"did you mean {near[0]}?" if near else "nothing reads it"
        hint_zh = f"是否应为 {near[0]}？" if near else "没有程序读取它"
        raw_pack.record_file_violation(Origin(name), f"unknown file; {hint}", f"未知的文件；{hint_zh}")


def merge_missing_columns(raw_pack: RawPack, diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Return the diagnostics, sorted; a column that a file does not have is one mistake and not one of each row."""
    found = set(diagnostics)
    rows_without = Counter((each.file, each.field) for each in found if each.problem == MISSING)
    absent = {
        (file, field)
        for (file, field), rows in rows_without.items()
        if rows > 1 and file in raw_pack.headers and not raw_pack.headers[file] & {field, f"{field}[]"}
    }
    kept = {each for each in found if each.problem != MISSING or (each.file, each.field) not in absent}
    kept |= {
        Diagnostic(file, 1, "", "", f"there is no column {field!r}", f"没有列 {field!r}") for file, field in absent
    }
    return tuple(sorted(kept))
