"""A list of cases as a table to take along: its columns, and the cells of each case. Pure."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import cache
from typing import Final, TypeAlias

from paidan_cockpit.pages.case_summary import CaseSummary
from paidan_cockpit.pages.city_view import CityView
from paidan_cockpit.pages.labels import Translate, label
from paidan_cockpit.pages.times import CityTimes

Cell: TypeAlias = str | int | datetime | None
COLUMNS: Final = (
    "case_id", "number", "status", "status_code", "class_name", "class", "district", "street", "address",
    "department_name", "department", "source", "source_id", "reported_at", "due", "due_code", "due_at", "reports",
    "round", "returns", "text",
)  # fmt: skip
"""Words, with the code beside them wherever a program compares one."""


def table_rows(cases: Iterable[CaseSummary], view: CityView, translate: Translate) -> Iterator[tuple[Cell, ...]]:
    """Yield the cells of each case, in words of the reader's language and in codes."""
    names, place = view.names, cache(view.names.place)
    for each in cases:
        yield (
            each.case_id, each.number, label(translate, "status", each.status), each.status,
            names.case_class(each.class_code), each.class_code, place(each.district), place(each.street), each.address,
            names.department(each.department), each.department, names.source(each.source), each.source,
            each.reported_at, label(translate, "clock", each.due_kind), each.due_kind, each.due, each.reports,
            each.round, each.hops, each.text,
        )  # fmt: skip


def cell_text(cell: Cell, times: CityTimes) -> str:
    """Return a cell as programs read it."""
    if isinstance(cell, datetime):
        return times.machine(cell)
    return "" if cell is None else str(cell)
