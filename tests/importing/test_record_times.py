"""Times of records are read as their mapping states, and what cannot be is listed with the line."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.importing.sample_records import HEADER, NOW, parse_by, parse_lines, record_line

PROMISED = "2026-02-04 08:30"


def _promised(no: str, promised: str) -> str:
    return record_line(no, "done", ended="2026-02-04 09:30").replace("2026-02-04 00:00", promised)


def test_promised_day_lasts_until_midnight_of_the_file() -> None:
    rows, _ = parse_lines(_promised("1", PROMISED))

    assert rows[0].promised_by == datetime(2026, 2, 4, 15, 59, 59, 999999, tzinfo=UTC)


def test_promised_moment_ends_at_its_minute() -> None:
    columns = {"promised_on": None, "promised_at": "promised"}

    rows, parser = parse_by({"columns": columns}, [HEADER, _promised("1", PROMISED), _promised("2", "soon")])

    assert [row.promised_by for row in rows] == [datetime(2026, 2, 4, 0, 30, tzinfo=UTC), None]
    assert rows[0].ended_at is not None
    assert rows[0].promised_by < rows[0].ended_at  # type: ignore[operator]  # both are times
    assert [(each.line, each.column) for each in parser.warnings] == [(3, "promised")]


def test_time_with_an_offset_is_read_by_its_own() -> None:
    """Not by the zone of the file: S-1 was reported on the last day of June there, in summer time."""
    header, time_format = "no,began,ended,what,status", "%Y-%m-%dT%H:%M:%S%z"
    names = ("owner", "source", "promised_on", "latitude", "longitude", "district", "address")
    lines = [
        header,
        "S-1,2020-07-01T06:59:00+00:00,2020-07-02T18:00:00+00:00,rubbish,done",
        "S-2,2020-07-01T06:59:00Z,2020-07-01T20:00:00-07:00,rubbish,done",
        "S-3,2020-07-01T14:59:00+0800,,rubbish,open",
    ]

    rows, parser = parse_by({"time_format": time_format, "columns": dict.fromkeys(names)}, lines)

    assert {row.reported_at for row in rows} == {datetime(2020, 7, 1, 6, 59, tzinfo=UTC)}
    assert rows[1].ended_at == datetime(2020, 7, 2, 3, tzinfo=UTC)
    assert parser.warnings == []


@pytest.mark.parametrize(
    ("ended", "problem"),
    [
        ("1900-01-01 00:00", "is out of the range"),
        ("3020-01-03 00:00", "is out of the range"),
        ("2120-01-03 00:00", "is in the future"),
        (f"{NOW + timedelta(days=1):%Y-%m-%d} 12:00", "is in the future"),
        ("yesterday", "is not a time"),
    ],
)
@pytest.mark.parametrize("status", ["done", "gone", "not ours"])
def test_record_that_ended_at_no_usable_time_has_ended_all_the_same(status: str, ended: str, problem: str) -> None:
    """It counts neither as on time nor as late: nobody knows."""
    rows, parser = parse_lines(record_line("1", status, ended=ended))

    [row] = rows
    assert row.becomes != "open"
    assert (row.ended_at, row.promised_by) == (row.reported_at, None)
    listed = [each.problem for each in parser.warnings]
    assert listed[-1] == (
        "has ended at no usable time: at that of its report, without a limit"
        " / 没有可用的结束时间：按其上报时间，不设时限"
    )
    assert [each.startswith(problem) for each in listed[:-1]] == [True]


def test_record_that_ended_before_its_report_is_taken_as_it_is_and_listed() -> None:
    rows, parser = parse_lines(record_line("1", "done", ended="2026-02-02 08:59"))

    assert rows[0].ended_at == datetime(2026, 2, 2, 0, 59, tzinfo=UTC)
    assert rows[0].promised_by is not None
    assert [(each.column, each.problem) for each in parser.warnings] == [
        ("ended", "is before the time of the report / 早于上报时间")
    ]


def test_record_without_any_time_of_ending_stays_open() -> None:
    rows, parser = parse_lines(record_line("1", "done"))

    assert (rows[0].becomes, rows[0].ended_at) == ("open", None)
    assert [each.problem for each in parser.warnings] == [
        "has ended, but has no end time: imported as open / 已结束而无结束时间：按未结导入"
    ]


def test_end_is_taken_from_the_first_column_with_a_usable_time() -> None:
    statuses = [{"value": "done", "becomes": "closed", "at": ["ended", "updated"]}]
    line = record_line("1", "done", ended="3020-01-03 00:00") + ",2026-02-03 10:00"

    rows, parser = parse_by({"statuses": statuses}, [f"{HEADER},updated", line])

    assert rows[0].ended_at == datetime(2026, 2, 3, 2, tzinfo=UTC)
    assert rows[0].promised_by is not None
    assert [each.column for each in parser.warnings] == ["ended"]
