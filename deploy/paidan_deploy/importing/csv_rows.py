"""A file as rows of cells, before anything is made of them: what cannot be read of it is remarked on, line by line."""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from paidan_deploy.errors import DeployError

Told = Callable[[int, str, str, str], None]
"""Hears the line, the column, what is wrong and the value at fault."""

# Bytes that the encoding does not have are decoded to lone surrogates (`surrogateescape`); NUL is kept nowhere.
_NO_TEXT: Final = re.compile("[\x00\ud800-\udfff]")
_UNREADABLE: Final = "\ufffd"


class Unreadable(DeployError):
    """The file as a whole is not what the mapping is for; the message begins with the line."""


class Table:
    """Rows of cells under the names in the first line."""

    def __init__(self, lines: Iterable[str], delimiter: str, told: Told) -> None:
        """Read the first line. Raises ``Unreadable`` when even that fails."""
        self._rows = csv.reader(lines, delimiter=delimiter)
        self._delimiter = delimiter
        self._told = told
        self.untaken = 0
        try:
            self.names: Sequence[str] = [_readable(name) for name in next(self._rows, [])]
        except csv.Error as error:
            raise Unreadable(f"line 1: {error}") from error

    def __iter__(self) -> Iterator[tuple[int, Mapping[str, str]]]:
        """Give each row with the number of the line it begins in; one that cannot be had is counted in ``untaken``."""
        while True:
            line = self._rows.line_num + 1
            try:
                cells = next(self._rows)
            except StopIteration:
                return
            except csv.Error as error:
                self.untaken += 1
                self._told(line, "", f"row not taken: {error}{self._spread(line)}", "")
                continue
            if cells:
                yield line, self._named(line, cells)

    def _named(self, line: int, cells: Sequence[str]) -> Mapping[str, str]:
        width = len(self.names)
        surplus = [cell for cell in cells[width:] if cell]
        if surplus or len(cells) < width:
            which = "more" if surplus else "fewer"
            self._told(
                line, "", f"has {which} cells than the first line{self._spread(line)}", _readable(",".join(surplus))
            )
        elif any("\n" in cell and cell.count(self._delimiter) >= width - 1 for cell in cells):
            self._told(line, "", f"holds another row in a cell{self._spread(line)}", "")
        found = {name: self._text(line, name, cell) for name, cell in zip(self.names, cells, strict=False)}
        return dict.fromkeys(self.names, "") | found

    def _spread(self, line: int) -> str:
        last = self._rows.line_num
        return f" (it goes on to line {last}: is a quote left open?)" if last > line else ""

    def _text(self, line: int, name: str, cell: str) -> str:
        if not _NO_TEXT.search(cell):
            return cell
        text = _readable(cell)
        self._told(line, name, f"has bytes that are no text in this encoding: taken as {_UNREADABLE}", text)
        return text


def _readable(text: str) -> str:
    return _NO_TEXT.sub(_UNREADABLE, text)
