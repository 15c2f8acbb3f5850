"""What a source promised its resident, as a limit beside the city's own: warned of, overdue, and judged by the end."""

import pytest

from paidan_contracts.actions import CallBack, Inspect
from paidan_contracts.clock_events import CaseClockOverdue, CaseClockWarned
from paidan_contracts.department_actions import Accept, Finish
from paidan_contracts.reports import ImportedHistory
from paidan_contracts.state import CaseState
from paidan_contracts.time_limits import Promise
from paidan_dispatch.cases.decide import Progressed, expire_timer
from paidan_dispatch.cases.limit_requests import time_limits_of
from paidan_dispatch.cases.orders import current_order
from paidan_dispatch.cases.timers import running_timers
from paidan_dispatch.inbox.case_rows import is_overdue
from tests.dispatch.builders import (
    at_minute,
    build_report,
    case_after,
    opened_case,
    receive_reports,
    timer_due,
)
from tests.dispatch.sample_pack import default_policy, pack_document, policy_of


def promise_of(state: CaseState) -> Promise:
    promise = time_limits_of(state).promise
    assert promise is not None
    return promise


def test_promise_is_warned_of_and_overdue_beside_the_limit_of_the_city() -> None:
    document = pack_document()
    document["clocks"] = document["clocks"] | {"warn_at": 0.8}
    policy = policy_of(document)
    state = opened_case(build_report(promised_by=at_minute(100)), policy=policy)
    assert current_order(state, policy).promised_by == at_minute(100)

    fired = {}
    while timers := [each for each in running_timers(state) if each.kind.startswith("promise")]:
        result = expire_timer(state, timer_due(min(timers, key=lambda each: each.due_at)), policy)
        assert isinstance(result, Progressed)
        (event,) = result.events
        assert isinstance(event, CaseClockWarned | CaseClockOverdue)
        fired[event.recorded_at] = (type(event), event.clock)
        state = result.after

    assert fired == {at_minute(80): (CaseClockWarned, "promise"), at_minute(100): (CaseClockOverdue, "promise")}
    assert is_overdue(state)
    assert state.assignments[-1].overdue_at is None, "the department's own limit runs on"


@pytest.mark.parametrize(("closed_at", "is_late"), [(99, False), (100, False), (101, True)])
def test_promise_is_kept_or_broken_by_the_time_of_closing(closed_at: int, *, is_late: bool) -> None:
    state = case_after(opened_case(build_report(promised_by=at_minute(100))), Accept(), minutes=1)
    finished = case_after(state, Finish(), minutes=50)
    assert promise_of(finished).ended_at is None
    closed = case_after(finished, Inspect(passed=True), minutes=closed_at)

    assert promise_of(closed).ended_at == at_minute(closed_at)
    assert promise_of(closed).overdue_at == (at_minute(100) if is_late else None)
    reopened = case_after(closed, CallBack(rating="dissatisfied"), minutes=200)
    assert not any(each.kind == "promise" for each in running_timers(reopened))


def test_earliest_promise_of_several_reports_counts() -> None:
    reports = [build_report(str(number), promised_by=at_minute(due)) for number, due in enumerate((100, 200, 60))]
    *_, state = (each.after for each in receive_reports(*reports))

    assert (promise_of(state).number, promise_of(state).due_at) == (2, at_minute(60))
    assert promise_of(state).report_id == reports[2].report_id


def test_case_without_promise_holds_nothing_of_it_and_a_past_keeps_its_own() -> None:
    assert opened_case().time_limits is None
    past = opened_case(build_report(past=ImportedHistory(owner="water"), promised_by=at_minute(9)))
    assert past.time_limits is None
    assert current_order(opened_case(), default_policy()).promised_by is None
