"""Which requests of an import are sent, and which are not."""

import pytest

from paidan_contracts import ids
from paidan_deploy.importing.import_requests import ImportOptions, plan_requests
from paidan_deploy.importing.send import SentRequests
from tests.importing.sample_records import parse_lines, record_line


def test_actions_of_a_refused_report_are_not_sent() -> None:
    """Its id may be another report's, whose case the action would close."""
    rows, _ = parse_lines(
        record_line("1", "gone", ended="2026-02-03 09:00"), record_line("2", "gone", ended="2026-02-03 09:00")
    )
    steps = plan_requests(rows, ImportOptions("tiny", None))
    sent = SentRequests(area_by_report={ids.report_id("records", "2"): "tiny"})

    due = sent.sendable(steps)

    assert [(step.endpoint, step.line) for step in due] == [("reports", 2), ("reports", 3), ("actions", 3)]
    assert [(each.line, each.what, each.code) for each in sent.refused] == [(2, "void", "report_not_taken")]


@pytest.mark.parametrize(
    ("recorded_at", "ahead"),
    [
        ("2026-02-02T01:00:00Z", {}),
        ("2026-02-02T09:00:00+08:00", {}),
        ("2026-02-01T16:00:00Z", {2: "2026-02-01T16:00:00Z"}),
    ],
)
def test_a_report_that_was_given_an_earlier_time_is_noted(recorded_at: str, ahead: dict[int, str]) -> None:
    """Nothing is recorded at a future time: such a record counts under another day than its own."""
    rows, _ = parse_lines(record_line("1"))
    [step] = plan_requests(rows, ImportOptions("tiny", None))
    sent = SentRequests()

    sent.record_answer(step, {"report_id": step.id, "area": "tiny", "recorded_at": recorded_at})

    assert sent.redated == ahead
    assert sent.accepted == {step.id: step}
