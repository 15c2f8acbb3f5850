"""A queue as a workbook: text stays text, times are times, and whoever takes a part along reads so."""

import io
import re
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest

from paidan_chassis.edge.xlsx_table import Sheet, xlsx_table
from paidan_cockpit.pages.case_summary import CaseSummary
from paidan_cockpit.pages.case_table import COLUMNS
from paidan_cockpit.pages.city_view import CityView
from paidan_cockpit.pages.labels import label
from paidan_cockpit.pages.names import CityNames
from paidan_cockpit.pages.queries import CaseListPage
from paidan_cockpit.pages.queue_filter import QueueFilter
from paidan_cockpit.pages.queue_tables import csv_content, xlsx_content
from paidan_cockpit.pages.times import CityTimes
from paidan_cockpit.settings import Language
from paidan_cockpit.translations import translations
from paidan_contracts.city.loader import load_city
from tests.scoring.database_fixture import TINY

ZONE: Final = ZoneInfo("Asia/Shanghai")
NOW: Final = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
CELL: Final = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}c"


def sheet_xml(content: bytes, number: int = 1) -> str:
    """Return a sheet of a workbook as it is stored."""
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        return parts.read(f"xl/worksheets/sheet{number}.xml").decode()


def cells(content: bytes, number: int = 1) -> list[tuple[str | None, str]]:
    """Return the type and text of each cell of a sheet."""
    found = ET.fromstring(sheet_xml(content, number)).iter(CELL)  # noqa: S314 - written by ourselves
    return [(each.get("t"), "".join(each.itertext())) for each in found]


def view(language: Language) -> CityView:
    city = load_city(TINY)
    return CityView("tiny", city, CityNames(city, language), CityTimes(ZONE, NOW, language, city), {"tiny": "Tiny"})


def case(**changes: object) -> CaseSummary:
    """Build a case of the list, with usual values."""
    values: dict[str, Any] = dict.fromkeys(CaseSummary._fields, None)
    values |= {"case_id": "tiny-1", "version": 1, "number": "1f", "status": "dispatched", "source": "hotline"}
    values |= {"class_code": "E0110", "text": "井盖松动", "reports": 2, "round": 1, "hops": 0, "due_kind": "accept"}
    return CaseSummary(**(values | {"reported_at": NOW, "due_at": NOW, "department": "streets"} | changes))


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "@SUM(A1)", "{=1}", "http://a.example", "007", "\t=1", "_x0041_", "￾\x01"]
)
def test_a_workbook_holds_no_formula_no_link_and_no_number_of_a_text(text: str) -> None:
    content = xlsx_table([Sheet("list", ["title"], [[text]])], ZONE)

    assert [kind for kind, _ in cells(content)] == ["inlineStr", "inlineStr"]
    assert "<f" not in sheet_xml(content)
    assert "hyperlink" not in sheet_xml(content)


def test_times_are_local_times_and_numbers_are_numbers() -> None:
    content = xlsx_table([Sheet("list", ["at", "number", "none"], [[NOW, 7, None]])], ZONE)

    *_, at, number = cells(content)
    assert (at[0], number) == (None, (None, "7"))
    # Days since 1899-12-30, as spreadsheets count; 09:30 in the city.
    local = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    assert float(at[1]) == pytest.approx((local - datetime(1899, 12, 30, tzinfo=UTC)) / timedelta(days=1))


def test_a_text_longer_than_a_cell_is_cut_and_does_not_vanish() -> None:
    [_, (_, text)] = cells(xlsx_table([Sheet("list", ["title"], [["井" * 50_000]])], ZONE))

    assert len(text) == 32_000


@pytest.mark.parametrize(("language", "title", "status"), [("zh", "案号", "已派遣"), ("en", "Number", "dispatched")])
def test_the_workbook_is_in_the_readers_language_and_says_what_it_is_of(
    language: Language, title: str, status: str
) -> None:
    translate = translations(language).gettext
    cut = CaseListPage([case(), case(text="=HYPERLINK(1)")], after="more")

    content = xlsx_content(cut, view(language), QueueFilter(queue="overdue"), translate)

    texts = [text for _, text in cells(content)]
    assert len(texts[: len(COLUMNS)]) == len(COLUMNS)
    assert texts[1] == title
    assert status in texts
    about = [text for _, text in cells(content, 2)]
    assert {"zh": "已超时", "en": "Overdue"}[language] in about
    assert translate("no: only the first of it, filter it for the rest") in about


@pytest.mark.parametrize(
    ("language", "titles", "cells"),
    [
        ("zh", "案件编号,案号,状态,状态代码,", ",已派遣,dispatched,暴露生活垃圾,E0110,"),
        ("en", "Case id,Number,Status,Status code,", ",dispatched,dispatched,Exposed household rubbish,E0110,"),
    ],
)
def test_csv_has_the_columns_of_the_workbook_in_words_of_the_reader_with_codes_beside_them(
    language: Language, titles: str, cells: str
) -> None:
    translate = translations(language).gettext
    page = CaseListPage([case(text="=1+1", address="+86")], None)

    head, line = csv_content(page, view(language), translate).decode("utf-8-sig").splitlines()

    assert head.startswith(titles)
    assert len(head.split(",")) == len(COLUMNS)
    assert line.startswith(f"tiny-1,1f{cells}")
    assert ",'+86," in line
    assert line.endswith(",'=1+1")
    due = re.escape(label(translate, "clock", "accept"))
    assert re.search(rf",hotline,2026-03-02T09:30:00\+08:00,{due},accept,", line)
