"""Tables as CSV. What a spreadsheet would run as a formula is marked as text. Pure."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Final

# Spreadsheets take signs of full width for these, too.
_FORMULA: Final = re.compile(r"[\t\r\n]|\s*[=+\-@＝＋－＠]")
# Where a list is separated by another sign, a spreadsheet begins a cell after it.
_INNER_FORMULA: Final = re.compile(r"(?<=[;|\t\r\n])(?=\s*[=+\-@＝＋－＠])")


def csv_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return rows as CSV under their titles."""
    lines = io.StringIO()
    writer = csv.writer(lines)
    writer.writerow(titles)
    writer.writerows([_as_text(cell) for cell in row] for row in rows)
    return lines.getvalue()


def _as_text(cell: str) -> str:
    marked = _INNER_FORMULA.sub("'", cell)
    return f"'{marked}" if _FORMULA.match(cell) else marked
