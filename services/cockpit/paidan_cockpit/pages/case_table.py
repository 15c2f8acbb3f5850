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
    "case_id", "number", "status", "class", "class_name", "district", "street", "address", "department",
    "department_name", "source", "reported_at", "due", "due_at", "reports", "round", "returns", "text",
)  # fmt: skip


def table_rows(
    cases: Iterable[CaseSummary], view: CityView, translate: Translate | None = None
) -> Iterator[tuple[Cell, ...]]:
    """Yield the cells of each case; codes as they are, or their names in a table that people read."""
    names, place = view.names, cache(view.names.place)

    def text_of(kind: str, code: str | None) -> str | None:
        return label(translate, kind, code) if translate else code

    for each in cases:
        yield (
            each.case_id, each.number, text_of("status", each.status), each.class_code,
            names.case_class(each.class_code), place(each.district), place(each.street), each.address,
            each.department, names.department(each.department),
            names.source(each.source) if translate else each.source, each.reported_at,
            text_of("clock", each.due_kind), each.due, each.reports, each.round, each.hops, each.text,
        )  # fmt: skip


def cell_text(cell: Cell, times: CityTimes) -> str:
    """Return a cell as programs read it."""
    if isinstance(cell, datetime):
        return times.machine(cell)
    return "" if cell is None else str(cell)
