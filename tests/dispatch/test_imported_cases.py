"""Imported cases: assigned as recorded, without orders or timers, judged by the recorded deadline."""

from datetime import timedelta

import pytest

from paidan_contracts.actions import Inspect, Verify
from paidan_contracts.department_actions import Accept, Finish
from paidan_contracts.reports import ImportedHistory
from paidan_dispatch.cases.decide import Progressed, Refused
from tests.dispatch.builders import (
    START_TIME,
    ActionContext,
    at_minute,
    build_report,
    case_after,
    decide_action,
    dispatch_of,
    imported_report,
    opened_case,
    receive_reports,
    types,
)

PROMISED_BY = START_TIME + timedelta(days=1)


def test_imported_case_is_assigned_to_its_recorded_owner() -> None:
    (step,) = receive_reports(imported_report(past=ImportedHistory(owner="water", promised_by=PROMISED_BY)))

    assert types(step) == ["opened"]
    assert dispatch_of(step) is not None
    state = step.after
    (turn,) = state.assignments
    assert (state.department, state.past, turn.placed_by.rule) == ("water", True, "by_record")
    assert (turn.accept_by, turn.limits[0].due_at) == (None, PROMISED_BY)


def test_imported_case_of_unknown_class_keeps_its_owner() -> None:
    state = opened_case(build_report(class_code=None, past=ImportedHistory(owner="water")))

    assert (state.department, state.status, state.row_id) == ("water", "dispatched", None)


@pytest.mark.parametrize("owner", [None, "fire"])
def test_imported_case_without_an_owner_is_held(owner: str | None) -> None:
    state = opened_case(imported_report(past=ImportedHistory(owner=owner)))

    assert (state.status, state.department) == ("filed", None)
    assert "owner" in str(state.held_because)


def test_referred_case_is_not_accepted_under_its_owner() -> None:
    state = opened_case(imported_report(past=ImportedHistory(owner="water", verified=False)))
    assert (state.status, state.department, state.assignments) == ("received", "water", ())

    after = case_after(state, Verify(verified=False, reason="referred out"), minutes=5, actor="importer:records")

    assert (after.status, after.department) == ("not_accepted", "water")


def test_verified_import_keeps_its_promised_deadline() -> None:
    state = opened_case(imported_report(past=ImportedHistory(owner="water", promised_by=PROMISED_BY, verified=False)))

    after = case_after(state, Verify(verified=True), minutes=5, actor="importer:records")

    assert (after.department, after.assignments[0].limits[0].due_at) == ("water", PROMISED_BY)


def test_import_replays_recorded_actions() -> None:
    state = opened_case(imported_report(past=ImportedHistory(owner="water", promised_by=PROMISED_BY)))
    for action in (Accept(), Finish(), Inspect(passed=True)):
        state = case_after(state, action, minutes=1441, actor="importer:records")

    assert (state.status, state.closed_at) == ("closed", at_minute(1441))
    assert state.assignments[0].limits[0].late is True


def test_action_through_a_merged_report_after_closing_is_refused() -> None:
    past = ImportedHistory(owner="water", matched_within="x")
    _, joined = receive_reports(imported_report("1", past=past), imported_report("2", past=past))
    assert isinstance(joined, Progressed)
    state = joined.after
    for action in (Accept(), Finish(), Inspect(passed=True)):
        state = case_after(state, action, actor="importer:records")

    twin = ActionContext(minutes=9, actor="importer:records", of_report=imported_report("2", past=past).report_id)

    assert isinstance(decide_action(state, Accept(), twin), Refused)
