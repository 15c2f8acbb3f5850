"""Tables as workbooks of spreadsheet programs: text stays text, and times are times. Pure but for a temporary file."""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final, TypeAlias

from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

Cell: TypeAlias = str | int | float | datetime | None
MEDIA_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_MAX_TEXT: Final = 32_000
"""A cell holds 32,767 characters, as spreadsheet programs count them."""
_WIDTH: Final = 18
# Rows go to a temporary file as they come, so ten thousand of them need no memory. A text that begins like a formula or
# an address stays a text.
_OPTIONS: Final = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet: its name, the titles of its columns, and its rows."""

    name: str
    titles: Sequence[str]
    rows: Iterable[Sequence[Cell]]


def xlsx_table(sheets: Iterable[Sheet], zone: tzinfo | None = None) -> bytes:
    """Return sheets as a workbook, with times in this zone, else each in its own: a spreadsheet knows none."""
    content = io.BytesIO()
    with Workbook(content, _OPTIONS) as workbook:
        bold = workbook.add_format({"bold": True, "bottom": 1})
        time = workbook.add_format({"num_format": "yyyy-mm-dd hh:mm", "align": "left"})
        for sheet in sheets:
            _write(workbook.add_worksheet(sheet.name), sheet, zone, bold, time)
    return content.getvalue()


def _write(worksheet: Worksheet, sheet: Sheet, zone: tzinfo | None, bold: Format, time: Format) -> None:
    worksheet.freeze_panes(1, 0)
    worksheet.set_column(0, len(sheet.titles) - 1, _WIDTH)
    for column, title in enumerate(sheet.titles):
        worksheet.write_string(0, column, title, bold)
    last = 0
    for last, row in enumerate(sheet.rows, 1):
        for column, cell in enumerate(row):
            match cell:
                case datetime():
                    local = cell.astimezone(zone) if zone is not None else cell
                    worksheet.write_datetime(last, column, local.replace(tzinfo=None), time)
                case int() | float():
                    worksheet.write_number(last, column, cell)
                case str():
                    # Never `write`, which would make a formula of a text that begins like one.
                    worksheet.write_string(last, column, cell[:_MAX_TEXT])
                case None:
                    pass
    worksheet.autofilter(0, 0, last, len(sheet.titles) - 1)
