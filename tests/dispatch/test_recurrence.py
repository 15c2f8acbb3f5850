"""Reports after a case is closed: recurrences, and what closing and voiding change in the search index."""

import pytest

from paidan_contracts.actions import Inspect, Void
from paidan_contracts.department_actions import Accept, Finish
from paidan_contracts.reports import ReportReceived
from paidan_contracts.state import CaseState
from paidan_dispatch.cases.reports import Opened, ReportDecision, receive_report
from paidan_dispatch.matching.candidates import Removed
from paidan_dispatch.matching.match import CandidateIndex, candidate_of, compute_index_change, squares_around
from tests.dispatch.builders import build_report, case_after, opened_case
from tests.dispatch.sample_pack import default_policy, pack_document, policy_of

POLICY = default_policy()


def _closed(report: ReportReceived, *, minutes: float) -> CaseState:
    state = opened_case(report)
    for action in (Accept(), Finish(), Inspect(passed=True)):
        state = case_after(state, action, minutes=minutes)
    return state


def _after(*closed: CaseState, then: ReportReceived) -> ReportDecision:
    rows = [row for state in closed if (row := candidate_of(state, POLICY.match_rules))]
    return receive_report(
        then, nearby=CandidateIndex(rows), state_of=dict.fromkeys(["x"], closed[0]).__getitem__, policy=POLICY
    )


@pytest.mark.parametrize(("days_later", "recurs"), [(0, True), (2, True), (2.001, False)])
def test_a_report_soon_after_closing_is_a_recurrence(days_later: float, recurs: bool) -> None:
    closed = _closed(build_report("1"), minutes=60)

    again = _after(closed, then=build_report("2", minutes=60 + days_later * 24 * 60))

    assert isinstance(again, Opened)
    assert again.after.recurrence_of == (closed.case_id if recurs else None)


def test_a_report_from_before_the_closing_is_no_recurrence() -> None:
    """It only came late."""
    late = _after(_closed(build_report("1"), minutes=60), then=build_report("2", minutes=59))

    assert isinstance(late, Opened)
    assert late.after.recurrence_of is None


def test_a_recurrence_is_of_the_case_closed_last() -> None:
    first, second = _closed(build_report("1"), minutes=60), _closed(build_report("2", minutes=61), minutes=90)

    for order in ((first, second), (second, first)):
        again = _after(*order, then=build_report("3", minutes=100))
        assert isinstance(again, Opened)
        assert again.after.recurrence_of == second.case_id


def test_voided_case_is_not_matched() -> None:
    state = opened_case()
    voided = case_after(state, Void(reason="a test call"))

    assert compute_index_change(state, voided, POLICY.match_rules) == Removed(state.case_id)
    assert compute_index_change(None, voided, POLICY.match_rules) is None


def test_index_is_updated_on_closing() -> None:
    state = opened_case()
    closed = _closed(build_report(), minutes=60)
    nearby = CandidateIndex([row for row in [candidate_of(state, POLICY.match_rules)] if row])

    nearby.apply(compute_index_change(state, closed, POLICY.match_rules))

    (found,) = nearby.in_squares(squares_around(build_report("2"), POLICY.match_rules))
    assert found.closed_at == closed.closed_at


def test_a_calendar_that_ends_does_not_stop_a_closing() -> None:
    pack = pack_document()
    pack["matching"]["recurrence"] = {"amount": 1000, "unit": "working_day"}
    by = policy_of(pack)

    row = candidate_of(_closed(build_report(), minutes=60), by.match_rules)

    assert row is not None
    assert row.recurs_until == row.closed_at
