"""Reads a pack's files, TOML, CSV and GeoJSON, into one raw document, and notes where each part came from.

TOML rather than YAML, because it is in the standard library, refuses a key given twice, and never takes ``no`` for a
boolean or ``14:00`` for a number.
"""

import csv
import json
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from paidan_contracts.city.diagnostics import Fault, Origin, Path

Raw = dict[str, Any]


@dataclass(slots=True)
class Draft:
    """What has been read so far: the raw document, where its parts came from, and what could not be read."""

    folder: FilePath
    document: Raw = field(default_factory=dict)
    origins: dict[Path, Origin] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def fault(self, origin: Origin, problem: str) -> None:
        """Note a mistake that belongs to a file rather than to a part of the document."""
        path: Path = ("", origin.file, origin.line or 0, origin.item)
        self.origins[path] = origin
        self.faults.append(Fault(path, problem))

    def faults_at(self, path: Path, problem: str) -> None:
        """Note a mistake that belongs to a part of the document."""
        self.faults.append(Fault(path, problem))

    def text(self, name: str, *, optional: bool = False) -> str | None:
        """Read a file of the pack as UTF-8; what is missing or cannot be read is noted."""
        try:
            return (self.folder / name).read_bytes().decode("utf-8-sig")
        except FileNotFoundError:
            if not optional:
                self.fault(Origin(name), "the file is missing")
        except (OSError, UnicodeDecodeError) as error:
            self.fault(Origin(name), f"cannot be read as UTF-8 text: {error}")
        return None

    def toml(self, name: str) -> Raw:
        """Read a TOML file."""
        try:
            return tomllib.loads(self.text(name) or "")
        except tomllib.TOMLDecodeError as error:
            self.fault(Origin(name), str(error))
            return {}

    def listed(self, name: str, raw: Raw, tables: Sequence[tuple[str, Path]]) -> None:
        """Note the line of each entry of a TOML file's arrays of tables, such as ``[[rules]]``."""
        text = self.text(name, optional=True) or ""
        for header, path in tables:
            lines = _lines_of(text, header)
            entries = _under(raw, header)
            for index, entry in enumerate(entries):
                line = lines[index] if index < len(lines) else None
                self.origins[*path, index] = Origin(name, line, _named(entry))

    def table(self, name: str, path: Path, *, columns: frozenset[str], optional: bool = False) -> list[Raw]:
        """Read a CSV file as entries of the document's list at ``path``.

        ``names.zh`` as a column's header is the field zh of names; ``evidence[]`` is a list, parted by blanks; an
        empty cell is a field left out.
        """
        text = self.text(name, optional=optional)
        if text is None:
            return []
        reader = csv.reader(text.splitlines())
        header = next(reader, [])
        if not self._fits(name, header, columns):
            return []
        return list(self._entries(name, path, header, reader))

    def _fits(self, name: str, header: list[str], columns: frozenset[str]) -> bool:
        unknown = [column for column in header if column not in columns]
        for column in unknown:
            self.fault(Origin(name, 1), f"nobody knows the column {column!r}; known are {', '.join(sorted(columns))}")
        twice = {column for column in header if header.count(column) > 1}
        for column in sorted(twice):
            self.fault(Origin(name, 1), f"the column {column!r} stands there twice")
        return not unknown and not twice

    def _entries(self, name: str, path: Path, header: list[str], reader: Any) -> Iterator[Raw]:  # noqa: ANN401  # csv's reader has no public type
        index = 0
        for cells in reader:
            if not any(cells):
                continue
            if len(cells) != len(header):
                self.fault(Origin(name, reader.line_num), f"has {len(cells)} cells where the header has {len(header)}")
                continue
            entry = _entry(header, cells)
            self.origins[*path, index] = Origin(name, reader.line_num, _named(entry))
            index += 1
            yield entry

    def features(self, name: str) -> list[tuple[int, Raw]]:
        """Read the features of a GeoJSON file, each with its number; a pack may do without the file."""
        text = self.text(name, optional=True)
        if text is None:
            return []
        try:
            collection = json.loads(text)
            found = [(number, _feature(raw)) for number, raw in enumerate(collection["features"], start=1)]
        except (ValueError, KeyError, TypeError) as error:
            self.fault(Origin(name), f"is no GeoJSON FeatureCollection of polygons: {error!r}")
            return []
        return found


def _entry(header: list[str], cells: list[str]) -> Raw:
    entry: Raw = {}
    for column, cell in zip(header, cells, strict=True):
        value: object = cell.split() if column.endswith("[]") else cell.strip()
        if not value:
            continue
        at = entry
        *outer, last = column.removesuffix("[]").split(".")
        for step in outer:
            at = at.setdefault(step, {})
        at[last] = value
    return entry


def _feature(raw: Raw) -> Raw:
    geometry = raw["geometry"]
    match geometry["type"]:
        case "Polygon":
            polygons = [geometry["coordinates"]]
        case "MultiPolygon":
            polygons = geometry["coordinates"]
        case other:
            raise ValueError(f"a {other} is no polygon")
    return {"properties": raw.get("properties") or {}, "shape": {"polygons": polygons}}


def _named(entry: object) -> str:
    if not isinstance(entry, dict):
        return ""
    return next((str(entry[key]) for key in ("id", "code", "date", "word", "value") if key in entry), "")


def _under(raw: Raw, header: str) -> list[object]:
    at: Any = raw
    for step in header.split("."):
        at = at.get(step, []) if isinstance(at, dict) else []
    return at if isinstance(at, list) else []


def _lines_of(text: str, header: str) -> list[int]:
    wanted = re.compile(rf"^\s*\[\[\s*{re.escape(header)}\s*\]\]")
    return [number for number, line in enumerate(text.splitlines(), start=1) if wanted.match(line)]
