"""Open orders as a workbook of spreadsheet programs: text stays text, and times are the city's."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from paidan_chassis.edge.xlsx_table import Cell, Sheet, xlsx_table
from paidan_contracts.city import City
from paidan_dispatch.api.models import OrderItem

MAX_ROWS: Final = 10_000
_STATUS: Final = {
    "dispatched": "待签收 dispatched",
    "handling": "处置中 handling",
    "inspecting": "待核查 inspecting",
}
_ROLE: Final = {"lead": "主办 lead", "helper": "协办 helper", "unit": "二级派遣 unit"}
_LIGHT: Final = {"green": "绿 green", "yellow": "黄 yellow", "red": "红 red"}


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
    titles = [title for title, _ in _COLUMNS]
    return xlsx_table([Sheet("派单 orders", titles, (tuple(_cells(each)) for each in rows))])


def _cells(row: OrderRow) -> Iterator[Cell]:
    for _, value_of in _COLUMNS:
        cell = value_of(row)
        yield cell.astimezone(row.city.zone) if isinstance(cell, datetime) else cell
