"""Damage that spreadsheets do to headers and ids is named, and no record is taken for another."""

import pytest

from paidan_deploy.importing.csv_rows import UnreadableFile
from tests.importing.sample_records import HEADER, parse_by, parse_lines, record_line


def test_column_that_is_read_and_stands_twice_is_refused() -> None:
    """The second one may be empty, and would win."""
    with pytest.raises(UnreadableFile) as refused:
        parse_by({}, [f"{HEADER},where", record_line("1", where="1 A ST") + ","])

    assert (
        str(refused.value).split(" / ")[0]
        == "line 1: the column where stands there 2 times (columns 12, 13); rename all but one"
    )


def test_column_that_nobody_reads_may_stand_twice_and_is_listed() -> None:
    rows, parser = parse_by({}, [f"{HEADER},note,note,,", record_line("1") + ",,,,"])

    assert [row.ref for row in rows] == ["1"]
    assert [(each.line, each.column, each.problem) for each in parser.warnings] == [
        (1, "note", "stands there 2 times (columns 13, 14) / 列名出现 2 次（第 13, 14 列）")
    ]


@pytest.mark.parametrize("title", ["2020年1月12345工单明细表,,,,", "", "a title", ",,,\n made up,,"])
def test_title_above_the_header_is_named_with_the_way_out(title: str) -> None:
    lines = [*title.split("\n"), HEADER, record_line("1")]

    with pytest.raises(UnreadableFile) as refused:
        parse_by({}, lines)

    line = len(lines) - 1
    assert str(refused.value).split(" / ")[0] == (
        f"line 1 is a title; line {line} has the column names: set header_line = {line} in the mapping"
    )


def test_title_is_skipped_where_the_mapping_says_so() -> None:
    rows, parser = parse_by({"header_line": 3}, ["a title,,", '"of two lines"', HEADER, record_line("1")])

    assert [(row.ref, row.line) for row in rows] == [("1", 4)]
    assert parser.warnings == []


def test_header_with_a_byte_order_mark_is_read() -> None:
    rows, _ = parse_by({}, [f"\ufeff{HEADER}", record_line("1")])

    assert [row.ref for row in rows] == ["1"]


@pytest.mark.parametrize("ref", ["1.52359E+11", "1,52359E+11", "1.5e11", "2E+17"])
def test_id_that_a_spreadsheet_rounded_becomes_nobodys_record(ref: str) -> None:
    quoted = f'"{ref}"'
    rows, parser = parse_lines(record_line(quoted), record_line("7"), record_line(quoted, where="elsewhere"))

    assert [row.ref for row in rows] == ["7"]
    assert [(each.line, each.column, each.value) for each in parser.warnings] == [(2, "no", ref), (4, "no", ref)]
    assert {each.problem for each in parser.warnings} == {
        "row skipped: a spreadsheet has rounded its id; export the column as text"
        " / 跳过该行：编号被电子表格舍入，请将该列按文本导出"
    }
    assert parser.skipped == 2


def test_long_ids_that_all_end_in_zeros_are_rounded_ones() -> None:
    """A spreadsheet keeps 15 digits."""
    rows, parser = parse_lines(*map(record_line, ("2026030200017100", "2026030200017200", "x-1")))

    assert [row.ref for row in parser.without_rounded_ids(rows)] == ["x-1"]
    assert [each.line for each in parser.warnings] == [2, 3]
    assert parser.skipped == 2


@pytest.mark.parametrize(
    "refs",
    [
        ("2026030200017100",),
        ("2026030200017100", "2026030200017201"),
        ("202603020001710", "202603020001720"),
        ("E11", "1E", "12E3X"),
    ],
)
def test_ids_that_may_be_whole_are_kept(refs: tuple[str, ...]) -> None:
    rows, parser = parse_lines(*map(record_line, refs))

    assert len(parser.without_rounded_ids(rows)) == len(refs)
    assert parser.warnings == []
