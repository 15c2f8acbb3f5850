"""What a file says is taken as far as it holds; whatever does not hold is listed by its line."""

from tests.importing.records import read, record


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
