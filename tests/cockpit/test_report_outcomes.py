"""Outcomes add to the counts what no case tells of: noted reports, and suppressed alarms with their reasons."""

from datetime import UTC, datetime
from typing import Final

import pytest

from paidan_chassis.consumer.batch import Record
from paidan_chassis.kafka.cloudevents import DecodeError
from paidan_cockpit.case_rows import CountedReport
from paidan_cockpit.report_outcomes import SuppressedAlarm, decode_outcome
from paidan_contracts.outcomes import AnyResult, OutcomeDecided, Refusal
from paidan_contracts.topics import OUTCOMES

AT: Final = datetime(2026, 3, 2, 4, tzinfo=UTC)
ID: Final = "00000000-0000-4000-8000-000000000001"


def outcome(result: AnyResult, **changes: object) -> OutcomeDecided:
    """Build the outcome of a camera's report."""
    why = Refusal(code="alarm_too_brief", message="m", message_zh="m") if result == "suppressed" else None
    decided = OutcomeDecided(
        id=ID,
        about="report",
        result=result,
        why=why,
        area="tiny.990101",
        source="camera",
        recorded_at=AT,
        decided_at=AT,
    )
    return decided.model_copy(update=changes)


def record(value: bytes, key: str = ID) -> Record:
    """Return a record of the topic."""
    return Record(OUTCOMES.name, 0, 0, key.encode(), value, (), AT)


def decoded(event: OutcomeDecided, key: str = ID) -> object:
    """Return what the outcome of a record adds."""
    return decode_outcome(record(event.model_dump_json(exclude_none=True).encode(), key))


def test_a_suppressed_alarm_and_a_noted_report_are_counted_where_and_when_they_came() -> None:
    assert decoded(outcome("suppressed")) == SuppressedAlarm(ID, "tiny", "camera", "alarm_too_brief", AT)
    assert decoded(outcome("noted")) == CountedReport(ID, "tiny", "camera", AT)


@pytest.mark.parametrize("result", ["opened", "merged", "refused", "dead_lettered", "applied"])
def test_what_a_case_tells_of_is_not_counted_again(result: AnyResult) -> None:
    assert decoded(outcome(result)) is None


def test_an_outcome_without_source_or_time_adds_nothing() -> None:
    assert decoded(outcome("suppressed", source=None)) is None
    assert decoded(outcome("suppressed", recorded_at=None)) is None


def test_an_outcome_under_another_key_and_an_unreadable_one_are_errors() -> None:
    assert isinstance(decoded(outcome("suppressed"), key="x"), DecodeError)
    assert isinstance(decode_outcome(record(b'{"result": "suppressed", "id": 1}')), DecodeError)
