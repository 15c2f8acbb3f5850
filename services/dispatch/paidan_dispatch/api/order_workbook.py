"""Open orders as a workbook of spreadsheet programs: text stays text, and times are the city's."""

import io
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from xlsxwriter import Workbook

from paidan_contracts.city import City
from paidan_dispatch.api.models import OrderItem

MEDIA_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MAX_ROWS: Final = 10_000
_MAX_TEXT: Final = 32_000
"""A cell holds 32,767 characters, as spreadsheet programs count them."""
_WIDTH: Final = 18
# Rows go to a temporary file as they come. A text that begins like a formula or an address stays a text.
_OPTIONS: Final = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}
_STATUS: Final = {
    "dispatched": "待签收 dispatched",
    "handling": "处置中 handling",
    "inspecting": "待核查 inspecting",
}
_ROLE: Final = {"lead": "主办 lead", "helper": "协办 helper", "unit": "二级派遣 unit"}
_LIGHT: Final = {"green": "绿 green", "yellow": "黄 yellow", "red": "红 red"}

Cell = str | int | float | datetime | None


class OrderRow(NamedTuple):
    """An order, and the city whose names and zone hold for it."""

    item: OrderItem
    city: City


def _department_name(row: OrderRow, department: str | None) -> str | None:
    found = row.city.departments.get(department or "")
    return f"{found.names.zh} {found.names.en}" if found else department


def _class_name(row: OrderRow) -> str | None:
    code = row.item.order.class_code
    found = row.city.classes.get(code or "")
    return f"{code} {found.names.zh} {found.names.en}" if found else code


_COLUMNS: Final[tuple[tuple[str, Callable[[OrderRow], Cell]], ...]] = (
    ("编号 number", lambda row: row.item.order.numbers.ours if row.item.order.numbers else None),
    ("案件 case", lambda row: row.item.order.case_id),
    ("派单 order", lambda row: row.item.order.order_id),
    ("角色 role", lambda row: _ROLE.get(row.item.order.role, row.item.order.role)),
    ("主办 lead", lambda row: _department_name(row, row.item.order.lead)),
    ("状态 status", lambda row: _STATUS.get(row.item.status, row.item.status)),
    ("时限 light", lambda row: _LIGHT.get(row.item.light or "", row.item.light)),
    ("派遣 dispatched", lambda row: row.item.order.dispatched_at),
    ("签收期限 accept by", lambda row: row.item.order.accept_by),
    ("处置期限 due", lambda row: row.item.order.due_at),
    ("督办 escalated", lambda row: " ".join(each.level for each in row.item.order.escalations or ()) or None),
    ("类别 class", _class_name),
    ("内容 text", lambda row: row.item.order.text),
    ("结案条件 closing condition", lambda row: row.item.order.closing_condition_zh),
    ("closing condition", lambda row: row.item.order.closing_condition),
    ("地址 address", lambda row: row.item.order.place.address),
    ("区县 district", lambda row: row.item.order.place.district),
    ("街道 street", lambda row: row.item.order.place.street),
    ("网格 grid", lambda row: row.item.order.place.grid),
    ("纬度 latitude", lambda row: row.item.order.place.latitude),
    ("经度 longitude", lambda row: row.item.order.place.longitude),
    ("上报数 reports", lambda row: row.item.order.reports),
    ("轮次 round", lambda row: row.item.order.round),
)


def order_workbook(rows: Sequence[OrderRow]) -> bytes:
    """Return orders as a workbook of one sheet; a spreadsheet knows no zones, so times are those of each city."""
    content = io.BytesIO()
    with Workbook(content, _OPTIONS) as workbook:
        bold = workbook.add_format({"bold": True, "bottom": 1})
        time = workbook.add_format({"num_format": "yyyy-mm-dd hh:mm", "align": "left"})
        sheet = workbook.add_worksheet("派单 orders")
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, len(_COLUMNS) - 1, _WIDTH)
        for column, (title, _) in enumerate(_COLUMNS):
            sheet.write_string(0, column, title, bold)
        for line, row in enumerate(rows, 1):
            for column, (_, value_of) in enumerate(_COLUMNS):
                match value_of(row):
                    case datetime() as at:
                        sheet.write_datetime(line, column, at.astimezone(row.city.zone).replace(tzinfo=None), time)
                    case int() | float() as number:
                        sheet.write_number(line, column, number)
                    case str() as text:
                        sheet.write_string(line, column, text[:_MAX_TEXT])
                    case None:
                        pass
        sheet.autofilter(0, 0, len(rows), len(_COLUMNS) - 1)
    return content.getvalue()
