"""Rows of a CSV file as cells by column; problems are reported by line."""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from paidan_deploy.errors import DeployError

OnProblem = Callable[[int, str, str, str], None]
"""Called with line, column, problem and the value at fault."""

# Undecodable bytes become lone surrogates (`surrogateescape`); PostgreSQL stores no NUL.
_INVALID_TEXT: Final = re.compile("[\x00\ud800-\udfff]")
_REPLACEMENT: Final = "\ufffd"


class UnreadableFile(DeployError):
    """The file as a whole does not fit the mapping; the message begins with the line."""


class CsvTable:
    """Rows of cells by the column names in the first line."""

    def __init__(self, lines: Iterable[str], delimiter: str, on_problem: OnProblem) -> None:
        """Read the first line. Raises ``UnreadableFile`` when that fails."""
        self._rows = csv.reader(lines, delimiter=delimiter)
        self._delimiter = delimiter
        self._on_problem = on_problem
        self.skipped = 0
        try:
            self.names: Sequence[str] = [_replace_invalid(name) for name in next(self._rows, [])]
        except csv.Error as error:
            raise UnreadableFile(f"line 1: {error}") from error

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
                self._on_problem(line, "", f"row skipped: {error}{self._line_range(line)}", "")
                continue
            if cells:
                yield line, self._cells_by_name(line, cells)

    def _cells_by_name(self, line: int, cells: Sequence[str]) -> Mapping[str, str]:
        width = len(self.names)
        extra = [cell for cell in cells[width:] if cell]
        if extra or len(cells) < width:
            comparison = "more" if extra else "fewer"
            self._on_problem(
                line,
                "",
                f"has {comparison} cells than the first line{self._line_range(line)}",
                _replace_invalid(",".join(extra)),
            )
        elif any("\n" in cell and cell.count(self._delimiter) >= width - 1 for cell in cells):
            self._on_problem(line, "", f"has another row inside a cell{self._line_range(line)}", "")
        cells_by_name = {
            name: self._clean_cell(line, name, cell) for name, cell in zip(self.names, cells, strict=False)
        }
        return dict.fromkeys(self.names, "") | cells_by_name

    def _line_range(self, line: int) -> str:
        last = self._rows.line_num
        return f" (it continues to line {last}: is a quote left open?)" if last > line else ""

    def _clean_cell(self, line: int, name: str, cell: str) -> str:
        if not _INVALID_TEXT.search(cell):
            return cell
        text = _replace_invalid(cell)
        self._on_problem(line, name, f"has bytes that are invalid in this encoding: replaced by {_REPLACEMENT}", text)
        return text


def _replace_invalid(text: str) -> str:
    return _INVALID_TEXT.sub(_REPLACEMENT, text)
