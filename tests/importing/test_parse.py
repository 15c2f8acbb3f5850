"""Rows are imported as far as they are valid; every problem is listed by its line."""

from pathlib import Path

import pytest

from paidan_deploy.importing.csv_rows import UnreadableFile
from paidan_deploy.importing.parse import RowParser
from tests.importing.sample_records import HEADER, IMPORT_MAPPING, KNOWN_CODES, NOW, parse_lines, record_line


def test_first_row_of_a_duplicated_id_is_kept() -> None:
    """The second row's end would otherwise close the first one's case."""
    rows, parser = parse_lines(
        record_line("1"), record_line("2"), record_line("1", "gone", ended="2026-02-03 09:00", where="elsewhere")
    )

    assert [row.line for row in rows] == [2, 3]
    [warning] = parser.warnings
    assert (warning.line, warning.column, warning.value) == (4, "no", "1")
    assert warning.problem == "row skipped: line 2 has this id and differs / 跳过该行：第 2 行编号相同而内容不同"
    assert (parser.skipped, parser.repeated) == (1, 0)


def test_repeated_row_is_listed_and_imported_once() -> None:
    rows, parser = parse_lines(record_line("1"), record_line("1"), record_line("1"))

    assert [row.line for row in rows] == [2]
    assert [(each.line, each.problem) for each in parser.warnings] == [
        (3, "same record as line 2 / 与第 2 行是同一记录"),
        (4, "same record as line 2 / 与第 2 行是同一记录"),
    ]
    assert (parser.skipped, parser.repeated) == (0, 2)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_invalid_bytes_do_not_drop_the_row(encoding: str, tmp_path: Path) -> None:
    file = tmp_path / "latin.csv"
    rows = (HEADER, record_line("1"), record_line("2", where="Calle Espa~a"), record_line("3"))
    file.write_bytes("\n".join(rows).encode().replace(b"~", b"\xff"))
    parser = RowParser(IMPORT_MAPPING.model_copy(update={"encoding": encoding}), KNOWN_CODES, NOW)

    found = list(parser.parse_file(file))

    assert [(row.ref, row.address) for row in found] == [("1", None), ("2", "Calle Espa\ufffda"), ("3", None)]
    [warning] = parser.warnings
    assert (warning.line, warning.column, warning.value) == (3, "where", "Calle Espa\ufffda")


def test_nul_does_not_drop_the_row() -> None:
    rows, parser = parse_lines(record_line("1", where="a\0b"))

    assert rows[0].address == "a\ufffdb"
    assert [(each.line, each.column) for each in parser.warnings] == [(2, "where")]


def test_oversized_cell_drops_only_its_row() -> None:
    rows, parser = parse_lines(record_line("1"), record_line("2", where="x" * 200_000), record_line("3"))

    assert [row.ref for row in rows] == ["1", "3"]
    [warning] = parser.warnings
    assert (warning.line, parser.skipped) == (3, 1)
    assert warning.problem.startswith("row skipped / 跳过该行: field larger")


@pytest.mark.parametrize("where", ['"1 A ST"', '"1 A ST, 91406"', "1 A ST"])
def test_unclosed_quote_names_the_affected_lines(where: str) -> None:
    rows, parser = parse_lines(record_line("1", where='"1 A ST'), record_line("2", where=where))

    assert [row.ref for row in rows] == ["1"]
    [message] = [each for each in parser.warnings if not each.column and each.line == 2]
    assert message.problem.endswith("(it continues to line 3: is a quote left open? / 延续到第 3 行：引号未闭合？)")


def test_more_or_fewer_cells_than_names_are_listed() -> None:
    """Shifted cells get another meaning: the sender of the file has to know."""
    rows, parser = parse_lines(
        f"{record_line('1')},surplus,cell\udcff", "2,2026-02-02 09:00,,rubbish,open", f"{record_line('3')},,"
    )

    assert [row.ref for row in rows] == ["1", "2", "3"]
    assert [(each.line, each.problem, each.value) for each in parser.warnings if not each.column] == [
        (2, "has more cells than the first line / 单元格多于首行", "surplus,cell\ufffd"),
        (3, "has fewer cells than the first line / 单元格少于首行", ""),
    ]


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("\udcff\udcfen\0o\0", "line 1: there is no column began, "),
        (HEADER.replace("lat", "latitude"), "line 1: there is no column lat; the mapping expects utf-8 text with ','"),
        ("x" * 200_000, "line 1 / 第 1 行: field larger than field limit"),
    ],
)
def test_file_of_another_format_is_refused(header: str, message: str) -> None:
    parser = RowParser(IMPORT_MAPPING, KNOWN_CODES, NOW)

    with pytest.raises(UnreadableFile) as refused:
        list(parser.parse([header + "\n", record_line("1")]))

    assert str(refused.value).startswith(message)
    assert "\n" not in str(refused.value)


def test_overlong_text_is_truncated_and_listed() -> None:
    """Each of these would otherwise cost the whole report."""
    rows, parser = parse_lines(
        record_line("1", where="w" * 201),
        record_line("2").replace("rubbish", "r" * 300),
        record_line("3", where="w" * 200),
    )

    assert [len(row.address or "") for row in rows] == [200, 0, 200]
    assert [len(row.category) for row in rows] == [7, 200, 7]
    cut = [(each.line, each.column) for each in parser.warnings if "longer than 200 characters" in each.problem]
    assert cut == [(2, "where"), (3, "what")]


def test_zero_position_is_ignored() -> None:
    """A missing position is often written so; it would match every other such record."""
    rows, parser = parse_lines(
        record_line("1").replace("36.005,117.005", "0,0.0"), record_line("2").replace("36.005", "0")
    )

    assert [(row.latitude, row.longitude) for row in rows] == [(None, None), (0, 117.005)]
    assert [(each.line, each.problem) for each in parser.warnings] == [
        (2, "is 0/0, which is no position / 为 0/0，不是位置")
    ]


def test_invalid_promised_day_drops_only_the_deadline() -> None:
    rows, parser = parse_lines(
        record_line("1").replace("2026-02-04", "9999-12-31"), record_line("2").replace("2026-02-04", "1900-01-01")
    )

    assert [row.promised_by for row in rows] == [None, None]
    assert [each.problem for each in parser.warnings] == [
        "is out of the range of years 1990 to 2199 / 超出 1990 至 2199 年的范围; the case gets no limit / 案件不设时限"
    ] * 2
