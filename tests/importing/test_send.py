"""What is sent through the doors, and what is held back."""

import pytest

from paidan_contracts import ids
from paidan_deploy.importing.requests import Terms, steps_of
from paidan_deploy.importing.send import Sent
from tests.importing.sample_records import read, record


def test_what_befell_a_record_whose_report_was_refused_is_held_back_and_listed() -> None:
    """Its id may be that of another report, whose case the action would end."""
    rows, _ = read(record("1", "gone", ended="2026-02-03 09:00"), record("2", "gone", ended="2026-02-03 09:00"))
    steps = steps_of(rows, Terms("tiny", None))
    sent = Sent(areas={ids.report_id("records", "2"): "tiny"})

    due = sent.due(steps)

    assert [(step.door, step.line) for step in due] == [("reports", 2), ("reports", 3), ("actions", 3)]
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
    """Nothing is taken as of a time that is yet to come: such a record counts under another day than its own."""
    rows, _ = read(record("1"))
    [step] = steps_of(rows, Terms("tiny", None))
    sent = Sent()

    sent.note(step, {"report_id": step.id, "area": "tiny", "recorded_at": recorded_at})

    assert sent.ahead == ahead
    assert sent.taken == {step.id: step}
