"""What a file says is taken as far as it holds; whatever does not hold is listed by its line."""

from pathlib import Path

import pytest

from paidan_deploy.importing.csv_rows import Unreadable
from paidan_deploy.importing.parse import Reader
from tests.importing.sample_records import (
    CITY_MAPPING,
    HEADER,
    KNOWN,
    read,
    record,
)


def test_of_two_rows_with_one_id_the_first_stands() -> None:
    """The second one's end would otherwise befall the first one's case."""
    rows, reader = read(record("1"), record("2"), record("1", "gone", ended="2026-02-03 09:00", where="elsewhere"))

    assert [row.line for row in rows] == [2, 3]
    [remark] = reader.remarks
    assert (remark.line, remark.column, remark.value) == (4, "no", "1")
    assert remark.problem == "row not taken: line 2 has this id and says otherwise"
    assert (reader.untaken, reader.repeated) == (1, 0)


def test_a_row_said_again_is_listed_and_taken_once() -> None:
    rows, reader = read(record("1"), record("1"), record("1"))

    assert [row.line for row in rows] == [2]
    assert [(each.line, each.problem) for each in reader.remarks] == [
        (3, "same record as line 2"),
        (4, "same record as line 2"),
    ]
    assert (reader.untaken, reader.repeated) == (0, 2)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_bytes_that_are_not_in_the_files_encoding_cost_no_row(encoding: str, tmp_path: Path) -> None:
    file = tmp_path / "latin.csv"
    rows = (HEADER, record("1"), record("2", where="Calle Espa~a"), record("3"))
    file.write_bytes("\n".join(rows).encode().replace(b"~", b"\xff"))
    reader = Reader(CITY_MAPPING.model_copy(update={"encoding": encoding}), KNOWN)

    found = list(reader.of(file))

    assert [(row.ref, row.address) for row in found] == [("1", None), ("2", "Calle Espa\ufffda"), ("3", None)]
    [remark] = reader.remarks
    assert (remark.line, remark.column, remark.value) == (3, "where", "Calle Espa\ufffda")


def test_a_nul_costs_no_row() -> None:
    rows, reader = read(record("1", where="a\0b"))

    assert rows[0].address == "a\ufffdb"
    assert [(each.line, each.column) for each in reader.remarks] == [(2, "where")]


def test_a_giant_cell_costs_its_own_row_alone() -> None:
    rows, reader = read(record("1"), record("2", where="x" * 200_000), record("3"))

    assert [row.ref for row in rows] == ["1", "3"]
    [remark] = reader.remarks
    assert (remark.line, reader.untaken) == (3, 1)
    assert remark.problem.startswith("row not taken: field larger")


@pytest.mark.parametrize("where", ['"1 A ST"', '"1 A ST, 91406"', "1 A ST"])
def test_a_quote_left_open_names_the_lines_it_swallows(where: str) -> None:
    rows, reader = read(record("1", where='"1 A ST'), record("2", where=where))

    assert [row.ref for row in rows] == ["1"]
    [said] = [each for each in reader.remarks if not each.column and each.line == 2]
    assert said.problem.endswith("(it goes on to line 3: is a quote left open?)")


def test_more_or_fewer_cells_than_names_are_listed() -> None:
    """Shifted cells are read as something else: whoever sends the file has to see it."""
    rows, reader = read(f"{record('1')},surplus,cell\udcff", "2,2026-02-02 09:00,,rubbish,open", f"{record('3')},,")

    assert [row.ref for row in rows] == ["1", "2", "3"]
    assert [(each.line, each.problem, each.value) for each in reader.remarks if not each.column] == [
        (2, "has more cells than the first line", "surplus,cell\ufffd"),
        (3, "has fewer cells than the first line", ""),
    ]


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("\udcff\udcfen\0o\0", "line 1: there is no column began, "),
        (HEADER.replace("lat", "latitude"), "line 1: there is no column lat; the mapping is for utf-8 text with ','"),
        ("x" * 200_000, "line 1: field larger than field limit"),
    ],
)
def test_a_file_of_another_kind_is_refused_in_one_line(header: str, said: str) -> None:
    reader = Reader(CITY_MAPPING, KNOWN)

    with pytest.raises(Unreadable) as refused:
        list(reader.rows([header + "\n", record("1")]))

    assert str(refused.value).startswith(said)
    assert "\n" not in str(refused.value)


def test_what_is_longer_than_a_report_can_hold_is_cut_and_listed() -> None:
    """Each of these would otherwise cost the whole row."""
    rows, reader = read(
        record("1", where="w" * 201), record("2").replace("rubbish", "r" * 300), record("3", where="w" * 200)
    )

    assert [len(row.address or "") for row in rows] == [200, 0, 200]
    assert [len(row.category) for row in rows] == [7, 200, 7]
    cut = [(each.line, each.column) for each in reader.remarks if "longer than 200 characters" in each.problem]
    assert cut == [(2, "where"), (3, "what")]


def test_a_position_of_zeros_is_none() -> None:
    """Whoever has none often writes it so; it lies in the sea, and would be matched with every other such."""
    rows, reader = read(record("1").replace("36.005,117.005", "0,0.0"), record("2").replace("36.005", "0"))

    assert [(row.latitude, row.longitude) for row in rows] == [(None, None), (0, 117.005)]
    assert [(each.line, each.problem) for each in reader.remarks] == [(2, "0/0 is no position")]


def test_a_promised_day_out_of_all_calendars_costs_the_limit_alone() -> None:
    rows, reader = read(
        record("1").replace("2026-02-04", "9999-12-31"), record("2").replace("2026-02-04", "1900-01-01")
    )

    assert [row.promised_by for row in rows] == [None, None]
    assert [each.problem for each in reader.remarks] == ["no day that can be kept: it has no limit"] * 2
