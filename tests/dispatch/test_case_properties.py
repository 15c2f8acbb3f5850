"""Properties of any sequence of actions, timers and reports beside the named invariants: purity, and restoring."""

import pytest
from hypothesis import given

from paidan_contracts.reports import ReportReceived
from paidan_contracts.state import CaseState
from paidan_dispatch.cases import orders
from paidan_dispatch.cases.decide import Progressed
from paidan_dispatch.cases.reports import Opened, receive_report
from paidan_dispatch.cases.timers import next_due_at, running_timers
from paidan_dispatch.inbox.case_rows import FRESH, marks_of
from paidan_dispatch.matching.match import CandidateIndex
from tests.dispatch.builders import dispatch_of
from tests.dispatch.random_histories import POLICY, RandomStep, random_histories, reports


def _assert_tells_its_dispatch(opening: Opened) -> None:
    """A reader of the event alone learns of each first assignment, and of no other."""
    told, state = dispatch_of(opening), opening.after
    assert (
        (told is not None) == (state.status == "dispatched") == (len(opening.events) == 1 and state.assignments != ())
    )
    if told is not None:
        (first,) = state.assignments
        assert (told.department, told.order_id, told.placed_by) == (first.department, first.order_id, first.placed_by)
        assert told.due_at == first.limits[0].due_at
        issued = [each.order.order_id for each in orders.order_events(None, opening.events, POLICY)]
        expected = [told.order_id, *(each.order_id for each in state.helpers)]
        assert issued == ([] if state.past else expected)


def _assert_rows_follow(state: CaseState) -> None:
    """What the tables keep of a state is computed from it by shorter ways."""
    assert next_due_at(state) == min((each.due_at for each in running_timers(state)), default=None)
    assert state.version > 1 or marks_of(state) == FRESH


def _open(report: ReportReceived) -> Opened:
    opening = receive_report(
        report, nearby=CandidateIndex(), state_of=lambda _: pytest.fail("there is none"), policy=POLICY
    )
    assert isinstance(opening, Opened)
    return opening


@given(reports, random_histories)
def test_decisions_change_no_state_that_they_are_given(report: ReportReceived, steps: list[RandomStep]) -> None:
    opening = _open(report)
    _assert_tells_its_dispatch(opening)
    _assert_rows_follow(opening.after)
    state, timers = opening.after, list(running_timers(opening.after))
    for step in steps:
        before = state.model_dump_json()
        result = step.apply(state, timers)
        assert state.model_dump_json() == before
        if isinstance(result, Progressed):
            for event in result.events:
                _assert_rows_follow(event.state)
            is_held = result.after.held_because is not None
            assert (result.after.status == "filed") == is_held, "a filed case is held with a reason"
            timers += running_timers(result.after)
            state = result.after


@given(reports, random_histories)
def test_restored_case_continues_identically(report: ReportReceived, steps: list[RandomStep]) -> None:
    """A new owner reads states from the database where the old one had them in memory."""
    in_memory = _open(report).after
    timers = list(running_timers(in_memory))
    for step in steps:
        restored = CaseState.model_validate_json(in_memory.model_dump_json())
        one, other = step.apply(in_memory, timers), step.apply(restored, timers)
        assert type(one) is type(other)
        if isinstance(one, Progressed) and isinstance(other, Progressed):
            assert [each.model_dump_json() for each in one.events] == [each.model_dump_json() for each in other.events]
            timers += running_timers(one.after)
            in_memory = one.after
