"""What an import says was: assigned as recorded, no orders, no timers, judged by what it promised."""

from datetime import timedelta

import pytest

from paidan_contracts.actions import Accept, Finish, Inspect, Verify
from paidan_contracts.reports import Past
from paidan_dispatch.cases.decide import Moved, Refused
from tests.dispatch.builders import (
    MONDAY,
    How,
    at,
    judged,
    moved,
    opened,
    past_report,
    report,
    taken,
    types,
)

PROMISE = MONDAY + timedelta(days=1)


def test_it_is_with_its_recorded_owner_by_record() -> None:
    (step,) = taken(past_report(past=Past(owner="water", promised_by=PROMISE)))

    assert types(step) == ["opened", "dispatched"]
    state = step.after  # type: ignore[union-attr] # checked by types()
    (turn,) = state.assignments
    assert (state.department, state.past, turn.placed_by.rule) == ("water", True, "by_record")
    assert (turn.accept_by, turn.limits[0].due_at) == (None, PROMISE)


def test_of_no_known_class_it_still_has_its_owner() -> None:
    state = opened(report(class_code=None, past=Past(owner="water")))

    assert (state.department, state.status, state.row_id) == ("water", "dispatched", None)


@pytest.mark.parametrize("owner", [None, "fire"])
def test_without_a_known_owner_it_waits_at_the_desk(owner: str | None) -> None:
    state = opened(past_report(past=Past(owner=owner)))

    assert (state.status, state.department) == ("filed", None)
    assert "owner" in str(state.held_because)


def test_referred_out_it_waits_and_is_not_accepted_under_its_owner() -> None:
    state = opened(past_report(past=Past(owner="water", verified=False)))
    assert (state.status, state.department, state.assignments) == ("received", "water", ())

    after = moved(state, Verify(verified=False, reason="referred out"), minutes=5, actor="importer:records")

    assert (after.status, after.department) == ("not_accepted", "water")


def test_verified_after_all_it_keeps_its_promise() -> None:
    state = opened(past_report(past=Past(owner="water", promised_by=PROMISE, verified=False)))

    after = moved(state, Verify(verified=True), minutes=5, actor="importer:records")

    assert (after.department, after.assignments[0].limits[0].due_at) == ("water", PROMISE)


def test_an_import_repeats_what_everybody_did() -> None:
    state = opened(past_report(past=Past(owner="water", promised_by=PROMISE)))
    for action in (Accept(), Finish(), Inspect(passed=True)):
        state = moved(state, action, minutes=1441, actor="importer:records")

    assert (state.status, state.closed_at) == ("closed", at(1441))
    assert state.assignments[0].limits[0].late is True


def test_an_action_that_comes_through_a_twin_after_closing_is_refused() -> None:
    past = Past(owner="water", matched_within="x")
    _, joined = taken(past_report("1", past=past), past_report("2", past=past))
    assert isinstance(joined, Moved)
    state = joined.after
    for action in (Accept(), Finish(), Inspect(passed=True)):
        state = moved(state, action, actor="importer:records")

    twin = How(minutes=9, actor="importer:records", of_report=past_report("2", past=past).report_id)

    assert isinstance(judged(state, Accept(), twin), Refused)
