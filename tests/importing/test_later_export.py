"""What a record states otherwise than its case is listed by field; steps are sent for the same record alone."""

from dataclasses import replace
from datetime import timedelta

import pytest

from paidan_contracts.reports import ImportedHistory
from paidan_contracts.state import CaseState
from paidan_deploy.importing.differences import amendment, compare
from paidan_deploy.importing.import_requests import ImportOptions, plan_requests
from paidan_deploy.importing.later_export import ImportedReport, LaterExport
from paidan_deploy.importing.rows import ImportRow
from tests.contracts.city_packs import load_tiny
from tests.dispatch.builders import imported_report, opened_case
from tests.importing.sample_records import parse_lines, record_line

CITY = load_tiny()


def _record(status: str = "open", *, ended: str = "") -> ImportRow:
    [row] = parse_lines(record_line("1", status, ended=ended))[0]
    return row


def _case(row: ImportRow, **changes: object) -> CaseState:
    """Return the case that the record opened when it was imported."""
    past = ImportedHistory(owner=row.owner, promised_by=row.promised_by)
    state = opened_case(imported_report(past=past))
    raw = {"x": row.longitude, "y": row.latitude, "crs": "wgs84"}
    content = state.model_dump() | {
        "occurred_at": row.reported_at,
        "promised_by": row.promised_by,
        "place": state.place.model_dump() | {"raw": raw, "district": row.district, "address": None},
        "class_code": "E0110",
        "row_id": "E0110-1",
        "department": row.owner,
        "text": row.text,
        "past": True,
        "status": "dispatched",
    }
    return CaseState.model_validate(content | changes)


def _later(row: ImportRow, *, amend: bool = False) -> LaterExport:
    return LaterExport({row.line: row}, CITY, amend)


def _examine(later: LaterExport, row: ImportRow, state: CaseState | None) -> str:
    [report, *_] = plan_requests([row], ImportOptions("tiny", None))
    return later.examine(report, ImportedReport("tiny.990101", state))


def test_same_record_differs_in_nothing() -> None:
    row = _record()

    assert list(compare(row, _case(row), CITY)) == []


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("promised_by", {"promised_by": None}),
        ("owner", {"department": "lamps"}),
        ("class", {"class_code": "E0401", "row_id": "E0401-1"}),
        ("text", {"text": "other words"}),
        ("status", {"status": "voided"}),
    ],
)
def test_field_that_is_stated_otherwise_is_listed(field: str, changes: dict[str, object]) -> None:
    row = _record()

    [difference] = compare(row, _case(row, **changes), CITY)

    assert (difference.line, difference.field) == (2, field)
    assert difference.was != difference.is_


def test_what_was_masked_is_no_difference() -> None:
    row = replace(_record(), text="打 13812345678", address="宿舍 13812345678")
    masked = _case(row, text="打 ***********")
    masked = masked.model_copy(update={"place": masked.place.model_copy(update={"address": "宿舍 ***********"})})

    assert list(compare(row, masked, CITY)) == []


def test_later_time_of_ending_is_listed_of_a_closed_case() -> None:
    row = _record("done", ended="2026-02-03 09:00")
    assert row.ended_at is not None
    state = _case(row, status="closed", closed_at=row.ended_at - timedelta(hours=1))

    [difference] = compare(row, state, CITY)

    assert (difference.field, difference.is_) == ("closed_at", row.ended_at.isoformat())


def test_steps_of_an_open_record_are_sent() -> None:
    row = _record("done", ended="2026-02-03 09:00")

    assert _examine(_later(row), row, _case(row)) == "send"


@pytest.mark.parametrize("status", ["closed", "voided", "not_accepted"])
def test_steps_of_a_record_that_has_ended_are_not_sent_again(status: str) -> None:
    row = _record("done", ended="2026-02-03 09:00")

    assert _examine(_later(row), row, _case(row, status=status, closed_at=row.ended_at)) == "settled"


def test_record_of_another_time_is_another_record_unless_the_mapping_was_mended() -> None:
    row = _record("done", ended="2026-02-03 09:00")
    other = _case(row, occurred_at=row.reported_at - timedelta(hours=8))
    listing, amending = _later(row), _later(row, amend=True)

    assert _examine(listing, row, other) == "other"
    assert listing.differences == []
    assert _examine(amending, row, other) == "send"
    assert [each.field for each in amending.differences] == ["occurred_at"]


@pytest.mark.parametrize("amend", [False, True])
def test_live_report_under_the_same_id_is_never_touched(amend: bool) -> None:
    row = _record("done", ended="2026-02-03 09:00")

    assert _examine(_later(row, amend=amend), row, _case(row, past=False)) == "other"


def test_held_case_is_assigned_when_its_owner_is_known_by_now() -> None:
    row = _record("done", ended="2026-02-03 09:00")
    held = _case(row, status="filed", department=None)
    [report, *_] = plan_requests([row], ImportOptions("tiny", None))
    later = _later(row, amend=True)

    assert _examine(_later(row), row, held) == "settled"
    assert _examine(later, row, held) == "send"
    step = later.assignment(report, ImportedReport("tiny.990101", held))

    assert step is not None
    assert step.body["action"]["department"] == "streets"
    assert _later(row).assignment(report, ImportedReport("tiny.990101", held)) is None


def test_corrections_name_only_what_differs_and_have_an_id_of_their_content() -> None:
    row = _record()
    later = _later(row, amend=True)
    _examine(later, row, _case(row, promised_by=None))

    [request] = later.amendments()

    assert request.body["action"].keys() == {"kind", "promised_by", "reason"}
    assert request.body["of_report"] == plan_requests([row], ImportOptions("tiny", None))[0].id
    assert [each.id for each in later.amendments()] == [request.id]
    listing = _later(row)
    _examine(listing, row, _case(row, promised_by=None))
    assert listing.amendments() == []


def test_fields_that_no_action_corrects_are_listed_alone() -> None:
    assert amendment(_record(), frozenset({"position", "address", "district", "status"}), CITY, "a") is None
