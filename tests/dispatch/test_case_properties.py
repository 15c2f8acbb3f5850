"""Properties of any sequence of actions, timers and reports: states stay valid and survive a round trip."""

import pytest
from hypothesis import given
from pydantic import TypeAdapter

from paidan_contracts.case_event import CaseEvent
from paidan_contracts.cases import AnyCaseEvent, CaseHelperAnswered
from paidan_contracts.reports import ReportReceived
from paidan_contracts.state import CaseState
from paidan_dispatch.cases import orders
from paidan_dispatch.cases.case_state import is_active
from paidan_dispatch.cases.decide import Progressed
from paidan_dispatch.cases.reports import JOINED_KEPT, JOINED_TEXT_LENGTH, Opened, receive_report
from paidan_dispatch.cases.timers import next_due_at, running_timers
from paidan_dispatch.inbox.case_rows import FRESH, marks_of
from paidan_dispatch.matching.match import CandidateIndex
from tests.dispatch.builders import dispatch_of
from tests.dispatch.limit_invariants import assert_limits_are_legal, assert_limits_follow
from tests.dispatch.random_histories import POLICY, RandomStep, random_histories, reports
from tests.dispatch.unit_invariants import assert_handed_on_is_legal, assert_units_move_nothing

STEP: TypeAdapter[AnyCaseEvent] = TypeAdapter(AnyCaseEvent)
STAGES = {
    "received": {"verify"},
    "filed": {"dispatch"},
    "inspecting": {"inspect"},
    "closed": {"callback"},
}
"""Which stage's clock may run in which status; in others none."""


def _assert_legal(state: CaseState) -> None:
    assignments = state.assignments
    assert [assignment.number for assignment in assignments] == list(range(1, len(assignments) + 1))
    numbers = [limit.number for assignment in assignments for limit in assignment.limits]
    assert numbers == sorted(set(numbers))
    ended = [assignment.returned_at is not None or assignment.withdrawn_at is not None for assignment in assignments]
    in_hand = state.status in ("dispatched", "handling", "suspended", "inspecting", "closed")
    assert ended[:-1] == [True] * (len(assignments) - 1) if assignments else not in_hand
    if assignments:
        assert assignments[-1].department == state.department
        assert ended[-1] is not in_hand
    assert (state.status == "closed") == (state.closed_at is not None)
    assert (
        (state.status in ("voided", "not_accepted"))
        == (state.ended_because is not None)
        == (state.ended_at is not None)
    )
    assert state.held_because is None or state.status == "filed"
    assert (state.row_id is None) == (state.filed_by is None) == (state.filed_at is None)
    assert state.hops == sum(assignment.returned_at is not None for assignment in assignments)
    assert state.round == 1 + sum(assignment.reworks for assignment in assignments) + state.reopened
    assert state.reopened <= 1
    assert state.past <= (running_timers(state) == ())
    assert next_due_at(state) == min((each.due_at for each in running_timers(state)), default=None)
    assert state.version > 1 or marks_of(state) == FRESH
    _assert_helpers_and_clocks_are_legal(state)
    assert_limits_are_legal(state, POLICY)
    _assert_reports_are_legal(state)
    assert_handed_on_is_legal(state)


def _assert_helpers_and_clocks_are_legal(state: CaseState) -> None:
    active = [each.department for each in state.helpers if is_active(each)]
    assert len(active) == len(set(active)), "one order to help for each department"
    assert state.department not in active or state.status == "filed", "who leads does not help"
    assert active == [] or state.status not in ("received", "voided", "not_accepted")
    assert state.past <= (state.helpers == () and state.clocks == ())
    orders_of_case = [each.order_id for each in state.assignments] + [each.order_id for each in state.helpers]
    assert len(orders_of_case) == len(set(orders_of_case))
    assert all(each.accepted_at is not None for each in state.helpers if each.finished_at is not None)
    running = [each for each in state.clocks if each.ended_at is None]
    assert running in ([], list(state.clocks[-1:]))
    numbers = [(each.kind, each.number) for each in state.clocks]
    assert len(numbers) == len(set(numbers))
    assert all(each.kind in STAGES.get(state.status, ()) for each in running)


def _assert_helpers_move_nothing(before: CaseState | None, event: CaseEvent) -> None:
    if isinstance(event, CaseHelperAnswered):
        assert before is not None
        assert event.state.model_copy(update={"version": 0, "helpers": ()}) == before.model_copy(
            update={"version": 0, "helpers": ()}
        )


def _assert_reports_are_legal(state: CaseState) -> None:
    assert len(state.joined) == min(JOINED_KEPT, state.reports - 1)
    assert all(len(each.text) <= JOINED_TEXT_LENGTH for each in state.joined)
    assert all(not each.text and each.address is None for each in state.joined if each.confidential)
    known = {state.opened_by, *(each.report_id for each in state.joined)}
    assert {each.report_id for each in state.called_back} | {*state.callbacks_wanted} <= known
    assert set(state.callbacks_awaited) <= set(state.callbacks_wanted)
    assert not state.callbacks_awaited or (state.status == "closed" and not state.past)
    assert state.past <= (state.callbacks_wanted == ())
    assert (state.rated_by is not None) == (state.called_back != ())
    assert not any(each.channel == "camera" and each.report_id in state.callbacks_wanted for each in state.joined)
    has_ended = state.status in ("closed", "voided", "not_accepted")
    assert (state.answer is not None) == has_ended or state.past, "residents are told what was inspected, or the end"


def assert_follows(first: CaseState | None, events: tuple[CaseEvent, ...]) -> None:
    before, version = first, first.version if first else 0
    for event in events:
        version += 1
        assert event.version == event.state.version == version
        encoded = event.model_dump_json()
        assert STEP.validate_json(encoded).model_dump_json() == encoded, (
            "an event built without validation decodes to another one"
        )
        _assert_legal(event.state)
        _assert_helpers_move_nothing(before, event)
        if before is not None:
            assert_limits_follow(before, event, POLICY)
        assert_units_move_nothing(before, event)
        before = event.state
    assert (events[-1].state.status == "filed") == (events[-1].state.held_because is not None), (
        "a filed case is held with a reason"
    )
    messages = orders.order_events(first, events, POLICY)
    assert [message for message in messages if message.order.version > version] == []
    said = [(message.order.order_id, message.order.version) for message in messages]
    assert len(said) == len(set(said)), "of two messages with one version a department would keep either"


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


def _open(report: ReportReceived) -> Opened:
    opening = receive_report(
        report, nearby=CandidateIndex(), state_of=lambda _: pytest.fail("there is none"), policy=POLICY
    )
    assert isinstance(opening, Opened)
    return opening


@given(reports, random_histories)
def test_any_sequence_keeps_case_invariants(report: ReportReceived, steps: list[RandomStep]) -> None:
    opening = _open(report)
    assert_follows(None, opening.events)
    _assert_tells_its_dispatch(opening)
    state, timers = opening.after, list(running_timers(opening.after))
    for step in steps:
        before = state.model_dump_json()
        result = step.apply(state, timers)
        assert state.model_dump_json() == before
        if isinstance(result, Progressed):
            assert_follows(state, result.events)
            timers += running_timers(result.after)
            state = result.after
    due: dict[str, object] = {}
    for timer in timers:
        assert due.setdefault(timer.id, timer.due_at) == timer.due_at, "no generation is ever used twice"


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
