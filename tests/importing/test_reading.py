"""What a file says is taken as far as it holds; whatever does not hold is listed by its line."""

from pathlib import Path

import pytest

from paidan_deploy.importing.reading import Reader
from paidan_deploy.importing.table import Unreadable
from tests.importing.records import CITY_MAPPING, HEADER, KNOWN, read, record


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
