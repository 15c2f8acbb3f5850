"""Reads a pack's files, TOML, CSV and GeoJSON, into one raw document, and records the origin of each part.

TOML, not YAML: it is in the standard library, refuses duplicate keys, and never reads ``no`` as a boolean or ``14:00``
as a number.
"""

import csv
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path as FilePath
from typing import Any

from paidan_contracts.city.diagnostics import DocumentPath, Origin, Violation

RawDocument = dict[str, Any]


@dataclass(slots=True)
class RawPack:
    """The raw document read so far, the origins of its parts, and the errors in its files."""

    folder: FilePath
    document: RawDocument = field(default_factory=dict)
    origins: dict[DocumentPath, Origin] = field(default_factory=dict)
    violations: list[Violation] = field(default_factory=list)
    headers: dict[str, frozenset[str]] = field(default_factory=dict)
    """The columns of each CSV file."""
    missing: set[str] = field(default_factory=set)
    """Files that every pack has, and this one has not."""

    def record_file_violation(self, origin: Origin, problem: str, problem_zh: str) -> None:
        """Record an error that belongs to a file and to no part of the document."""
        path: DocumentPath = ("", origin.file, origin.line or 0, origin.item)
        self.origins[path] = origin
        self.violations.append(Violation(path, problem, problem_zh))

    def record_violation(self, path: DocumentPath, problem: str, problem_zh: str) -> None:
        """Record an error that belongs to a part of the document."""
        self.violations.append(Violation(path, problem, problem_zh))

    def read_text(self, name: str, *, optional: bool = False) -> str | None:
        """Read a file of the pack as UTF-8; record an error where that fails."""
        try:
            return (self.folder / name).read_bytes().decode("utf-8-sig")
        except FileNotFoundError:
            if not optional:
                self.missing.add(name)
                self.record_file_violation(Origin(name), "the file is missing", "缺少该文件")
        except (OSError, UnicodeDecodeError) as error:
            self.record_file_violation(
                Origin(name), f"cannot be read as UTF-8 text: {error}", f"无法按 UTF-8 文本读取：{error}"
            )
        return None

    def read_toml(self, name: str) -> RawDocument:
        """Read a TOML file."""
        try:
            return tomllib.loads(self.read_text(name) or "")
        except tomllib.TOMLDecodeError as error:
            self.record_file_violation(Origin(name), str(error), _toml_error_zh(error))
            return {}

    def record_entry_lines(self, name: str, raw: RawDocument, tables: Sequence[tuple[str, DocumentPath]]) -> None:
        """Record the line of each entry of a TOML file's arrays of tables, such as ``[[rules]]``."""
        text = self.read_text(name, optional=True) or ""
        for header, path in tables:
            lines = _table_lines(text, header)
            entries = _entries_under(raw, header)
            for index, entry in enumerate(entries):
                line = lines[index] if index < len(lines) else None
                self.origins[*path, index] = Origin(name, line, _entry_name(entry))

    def read_csv(
        self, name: str, path: DocumentPath, *, columns: frozenset[str], optional: bool = False
    ) -> list[RawDocument]:
        """Read a CSV file as entries of the document's list at ``path``.

        The column ``names.zh`` is the field zh of names; ``evidence[]`` is a list separated by blanks; an empty cell is
        a field left out.
        """
        text = self.read_text(name, optional=optional)
        if text is None:
            return []
        reader = csv.reader(text.splitlines())
        header = self._meant_columns(name, next(reader, []), columns)
        self.headers[name] = frozenset(header)
        return list(self._csv_entries(name, path, header, reader))

    def _meant_columns(self, name: str, header: list[str], columns: frozenset[str]) -> list[str]:
        """Record what is wrong with a header, and return the columns that were meant, empty where nothing is known.

        The rows are read all the same: one mistake in a header would else become one in every row and reference.
        """
        meant: list[str] = []
        for column in header:
            near = column if column in columns else _nearest(column, columns - set(header))
            if column not in columns:
                known = ", ".join(sorted(columns))
                hint = f"did you mean {near!r}?" if near else f"known columns: {known}"
                hint_zh = f"是否应为 {near!r}？" if near else f"已知的列：{known}"
                self.record_file_violation(
                    Origin(name, 1), f"unknown column {column!r}; {hint}", f"未知的列 {column!r}；{hint_zh}"
                )
            elif column in meant:
                self.record_file_violation(Origin(name, 1), f"duplicate column {column!r}", f"重复的列 {column!r}")
            meant.append("" if near is None or near in meant else near)
        return meant

    def _csv_entries(self, name: str, path: DocumentPath, header: list[str], reader: Any) -> Iterator[RawDocument]:  # noqa: ANN401  # csv's reader has no public type
        index = 0
        for cells in reader:
            if not any(cells):
                continue
            if len(cells) != len(header):
                self.record_file_violation(
                    Origin(name, reader.line_num),
                    f"has {len(cells)} cells where the header has {len(header)}",
                    f"有 {len(cells)} 个单元格，而表头有 {len(header)} 个",
                )
                continue
            entry = _parse_entry(header, cells)
            self.origins[*path, index] = Origin(name, reader.line_num, _entry_name(entry))
            index += 1
            yield entry

    def read_features(self, name: str) -> list[tuple[int, RawDocument]]:
        """Read the features of a GeoJSON file, each with its number; none where the pack has no such file."""
        text = self.read_text(name, optional=True)
        if text is None:
            return []
        try:
            collection = json.loads(text)
            features = [(number, _parse_feature(raw)) for number, raw in enumerate(collection["features"], start=1)]
        except (ValueError, KeyError, TypeError) as error:
            self.record_file_violation(
                Origin(name),
                f"is not a GeoJSON FeatureCollection of polygons: {error!r}",
                f"不是由多边形组成的 GeoJSON FeatureCollection：{error!r}",
            )
            return []
        return features


def _toml_error_zh(error: tomllib.TOMLDecodeError) -> str:
    """Return a syntax error in Chinese; the place, and the parser's own words, are kept."""
    words, _, place = str(error).removesuffix(")").partition(" (at ")
    place_zh = re.sub(r"^line (\d+), column (\d+)$", r"第 \1 行第 \2 列", place).replace("end of document", "文件末尾")
    return f"{place_zh}有 TOML 语法错误：{words}" if place else f"TOML 语法错误：{words}"


def _parse_entry(header: list[str], cells: list[str]) -> RawDocument:
    entry: RawDocument = {}
    for column, cell in zip(header, cells, strict=True):
        value: object = cell.split() if column.endswith("[]") else cell.strip()
        if not value or not column:
            continue
        node = entry
        *outer, last = column.removesuffix("[]").split(".")
        for part in outer:
            node = node.setdefault(part, {})
        node[last] = value
    return entry


def _parse_feature(raw: RawDocument) -> RawDocument:
    geometry = raw["geometry"]
    match geometry["type"]:
        case "Polygon":
            polygons = [_without_heights(geometry["coordinates"])]
        case "MultiPolygon":
            polygons = [_without_heights(rings) for rings in geometry["coordinates"]]
        case other:
            raise ValueError(f"a {other} is not a polygon")
    return {"properties": raw.get("properties") or {}, "shape": {"polygons": polygons}}


def _without_heights(rings: list[list[list[float]]]) -> list[list[list[float]]]:
    """Return a polygon's rings with longitude and latitude alone: RFC 7946 allows a height as a third number."""
    return [[point[:2] if isinstance(point, list) else point for point in ring] for ring in rings]


def _nearest(name: str, known: Iterable[str]) -> str | None:
    return next(iter(get_close_matches(name, sorted(known), n=1, cutoff=0.6)), None)


def _entry_name(entry: object) -> str:
    if not isinstance(entry, dict):
        return ""
    return next((str(entry[key]) for key in ("id", "code", "date", "word", "value", "name") if key in entry), "")


def _entries_under(raw: RawDocument, header: str) -> list[object]:
    node: Any = raw
    for part in header.split("."):
        node = node.get(part, []) if isinstance(node, dict) else []
    return node if isinstance(node, list) else []


def _table_lines(text: str, header: str) -> list[int]:
    header_pattern = re.compile(rf"^\s*\[\[\s*{re.escape(header)}\s*\]\]")
    return [number for number, line in enumerate(text.splitlines(), start=1) if header_pattern.match(line)]
