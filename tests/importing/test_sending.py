"""What is sent through the doors, and what is held back."""

from paidan_contracts import ids
from paidan_deploy.importing.sending import Sent
from paidan_deploy.importing.steps import Terms, steps_of
from tests.importing.records import read, record


def test_what_befell_a_record_whose_report_was_refused_is_held_back_and_listed() -> None:
    """Its id may be that of another report, whose case the action would end."""
    rows, _ = read(record("1", "gone", ended="2026-02-03 09:00"), record("2", "gone", ended="2026-02-03 09:00"))
    steps = steps_of(rows, Terms("tiny", None))
    sent = Sent(areas={ids.report_id("records", "2"): "tiny"})

    due = sent.due(steps)

    assert [(step.door, step.line) for step in due] == [("reports", 2), ("reports", 3), ("actions", 3)]
    assert [(each.line, each.what, each.code) for each in sent.refused] == [(2, "void", "report_not_taken")]
