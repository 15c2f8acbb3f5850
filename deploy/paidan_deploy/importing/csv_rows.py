"""Rows of a CSV file as cells by column; problems are reported by line."""

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from paidan_deploy.errors import DeployError

OnProblem = Callable[[int, str, str, str], None]
"""Called with line, column, problem and the value at fault."""

# Undecodable bytes become lone surrogates (`surrogateescape`); PostgreSQL stores no NUL.
_INVALID_TEXT: Final = re.compile("[\x00\ud800-\udfff]")
_REPLACEMENT: Final = "\ufffd"
_BYTE_ORDER_MARK: Final = "\ufeff"
_MAX_TITLE_LINES: Final = 20


@dataclass(frozen=True, slots=True)
class CsvLayout:
    """What the header of a file must be like."""

    delimiter: str
    header_line: int
    """Counted from 1; the lines above it are skipped."""
    required: frozenset[str]
    """The columns that are read."""
    expected: str
    """What the mapping expects, for an error message."""


class UnreadableFile(DeployError):
    """The file as a whole does not fit the mapping; the message begins with the line."""


class CsvTable:
    """Rows of cells by the column names in the header."""

    def __init__(self, lines: Iterable[str], layout: CsvLayout, on_problem: OnProblem) -> None:
        """Read the header. Raises ``UnreadableFile`` when that fails, or when it does not hold the required columns."""
        self._rows = csv.reader(lines, delimiter=layout.delimiter)
        self._delimiter = layout.delimiter
        self._on_problem = on_problem
        self.skipped = 0
        for _ in range(layout.header_line - 1):
            self._read_names()
        self._header_line = self._rows.line_num + 1
        self.names: Sequence[str] = self._read_names()
        self._require_columns(layout)
        self._report_doubled_names(layout.required)

    def _read_names(self) -> list[str]:
        try:
            names = [_replace_invalid(name) for name in next(self._rows, [])]
        except csv.Error as error:
            raise UnreadableFile(f"line {self._rows.line_num} / 第 {self._rows.line_num} 行: {error}") from error
        # Left by an export as UTF-8 that is read as such.
        return [name.removeprefix(_BYTE_ORDER_MARK) if index == 0 else name for index, name in enumerate(names)]

    def _require_columns(self, layout: CsvLayout) -> None:
        missing = sorted(layout.required - set(self.names))
        if not missing:
            return
        line = self._header_line
        if found := self._find_header(layout.required):
            raise UnreadableFile(
                f"line {line} is a title; line {found} has the column names: set header_line = {found} in the mapping"
                f" / 第 {line} 行是标题，列名在第 {found} 行：请在映射中设 header_line = {found}"
            )
        raise UnreadableFile(
            f"line {line}: there is no column {', '.join(missing)}; {layout.expected}"
            f" / 第 {line} 行：没有列 {'、'.join(missing)}；{layout.expected}"
        )

    def _find_header(self, required: AbstractSet[str]) -> int | None:
        for _ in range(_MAX_TITLE_LINES):
            line = self._rows.line_num + 1
            try:
                if required <= set(self._read_names()):
                    return line
            except UnreadableFile:
                return None
        return None

    def _report_doubled_names(self, required: AbstractSet[str]) -> None:
        """Refuse a doubled column that is read, for one of the two is meant; list any other."""
        for name, count in Counter(self.names).items():
            if count == 1 or not name:
                continue
            columns = ", ".join(str(index) for index, each in enumerate(self.names, start=1) if each == name)
            if name in required:
                raise UnreadableFile(
                    f"line {self._header_line}: the column {name} stands there {count} times (columns {columns});"
                    " rename all but one"
                    f" / 第 {self._header_line} 行：列 {name} 出现 {count} 次（第 {columns} 列），请只留一个，其余改名"
                )
            problem = f"stands there {count} times (columns {columns}) / 列名出现 {count} 次（第 {columns} 列）"
            self._on_problem(self._header_line, name, problem, "")

    def __iter__(self) -> Iterator[tuple[int, Mapping[str, str]]]:
        """Yield each row with the number of its first line; rows that cannot be parsed are counted in ``skipped``."""
        while True:
            line = self._rows.line_num + 1
            try:
                cells = next(self._rows)
            except StopIteration:
                return
            except csv.Error as error:
                self.skipped += 1
                self._on_problem(line, "", f"row skipped / 跳过该行: {error}{self._line_range(line)}", "")
                continue
            if cells:
                yield line, self._cells_by_name(line, cells)

    def _cells_by_name(self, line: int, cells: Sequence[str]) -> Mapping[str, str]:
        width = len(self.names)
        extra = [cell for cell in cells[width:] if cell]
        if extra or len(cells) < width:
            comparison = "has more cells than the first line / 单元格多于首行"
            if not extra:
                comparison = "has fewer cells than the first line / 单元格少于首行"
            self._on_problem(
                line,
                "",
                f"{comparison}{self._line_range(line)}",
                _replace_invalid(",".join(extra)),
            )
        elif any("\n" in cell and cell.count(self._delimiter) >= width - 1 for cell in cells):
            self._on_problem(line, "", f"has another row inside a cell / 单元格内含另一行{self._line_range(line)}", "")
        cells_by_name = {
            name: self._clean_cell(line, name, cell) for name, cell in zip(self.names, cells, strict=False)
        }
        return dict.fromkeys(self.names, "") | cells_by_name

    def _line_range(self, line: int) -> str:
        last = self._rows.line_num
        return (
            f" (it continues to line {last}: is a quote left open? / 延续到第 {last} 行：引号未闭合？)"
            if last > line
            else ""
        )

    def _clean_cell(self, line: int, name: str, cell: str) -> str:
        if not _INVALID_TEXT.search(cell):
            return cell
        text = _replace_invalid(cell)
        problem = (
            f"has bytes that are invalid in this encoding: replaced by {_REPLACEMENT}"
            f" / 含有此编码中无效的字节：已替换为 {_REPLACEMENT}"
        )
        self._on_problem(line, name, problem, text)
        return text


def _replace_invalid(text: str) -> str:
    return _INVALID_TEXT.sub(_REPLACEMENT, text)
