"""What holds of a case's time limits in every state, and from each state to the next."""

from datetime import timedelta
from typing import Final

from paidan_contracts.case_event import CaseEvent
from paidan_contracts.cases import CaseAmended, CaseFiled
from paidan_contracts.state import CaseState
from paidan_contracts.time_limit_events import (
    CaseExtended,
    CaseLimitSet,
    CaseRequestReviewed,
    CaseResumed,
    CaseSuspended,
)
from paidan_contracts.time_limits import LimitRequest
from paidan_dispatch.cases.limit_requests import time_limits_of
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.timers import running_timers
from paidan_dispatch.cases.transitions.suspension import original_limit

MAY_SHORTEN: Final = (CaseLimitSet, CaseFiled, CaseAmended, CaseSuspended)
ENDED: Final = ("closed", "voided", "not_accepted")


def assert_limits_are_legal(state: CaseState, policy: CityPolicy) -> None:
    limits = time_limits_of(state)
    _assert_requests_are_legal(state, limits.requests, policy)
    assert (state.status == "suspended") == (limits.suspension is not None), "a suspended case knows its date"
    if state.status == "suspended":
        last = state.assignments[-1].limits[-1]
        assert last.due_at is None or last.overdue_at is not None, "the clock of a suspended case stands"
        assert not any(timer.kind in ("handle", "plan_step") for timer in running_timers(state))
        assert any(timer.kind == "resume" for timer in running_timers(state)), "it is resumed by itself"
    for step in limits.plan:
        assert step.done_at is None or (step.overdue_at is not None) == (step.done_at > step.due_at)
    granted = any(each.kind == "appeal" and each.outcome == "approved" for each in limits.requests)
    assert granted or not limits.exempt, "only a granted appeal exempts"
    promise = limits.promise
    if promise is not None and promise.ended_at is not None:
        assert (promise.overdue_at is not None) == (promise.ended_at > promise.due_at), "judged by the deed's time"
    assert promise is None or promise.ended_at is not None or state.status not in ENDED, "it ends with the case"


def _assert_requests_are_legal(state: CaseState, requests: tuple[LimitRequest, ...], policy: CityPolicy) -> None:
    assert [each.number for each in requests] == list(range(1, len(requests) + 1))
    assert all(each.outcome is not None for each in requests[:-1]), "one request waits at most"
    for each in requests:
        duties = [step.duty for step in each.steps]
        assert duties == list(each.chain[: len(duties)]), "they decide in order"
        deciders = [(step.by.kind, step.by.id) for step in each.steps]
        assert len(set(deciders)) == len(deciders), "nobody decides twice"
        assert (each.outcome == "approved") == (len(duties) == len(each.chain) and all(s.approved for s in each.steps))
        if each.outcome is None:
            assert each.assignment == len(state.assignments)
            assert state.status == ("closed" if each.kind == "appeal" else "handling")
    terms = policy.city.clocks.extension
    granted = [each.assignment for each in requests if (each.kind, each.outcome) == ("extension", "approved")]
    assert terms is None or all(granted.count(number) <= terms.times for number in granted)
    assert sum(each.kind == "appeal" and each.outcome != "lapsed" for each in requests) <= 1


def assert_limits_follow(before: CaseState, event: CaseEvent, policy: CityPolicy) -> None:
    """Deadlines never shorten but by hand or correction; an extension adds one original limit; what was left stays."""
    after = event.state
    if len(before.assignments) == len(after.assignments) and before.assignments:
        old, new = before.assignments[-1], after.assignments[-1]
        was_over = old.overdue_at is not None and old.overdue_at < event.recorded_at  # at its end, a deed is in time
        if was_over and not isinstance(event, CaseFiled | CaseAmended):
            assert new.overdue_at == old.overdue_at, "that it was overdue stays a fact"
        old_due, new_due = old.limits[-1].due_at, new.limits[-1].due_at
        if old_due is not None and not isinstance(event, MAY_SHORTEN) and len(old.limits) == len(new.limits):
            assert new_due is not None
            assert new_due >= old_due, "a deadline never shortens by itself"
    if isinstance(event, CaseExtended):
        last = before.assignments[-1].limits[-1]
        terms = original_limit(before, last, policy)
        assert terms is not None
        assert event.due_at == policy.deadline(event.due_before, terms)
        assert event.recorded_at <= event.due_before, "once overdue it is not extended"
    if isinstance(event, CaseResumed):
        suspension = time_limits_of(before).suspension
        assert suspension is not None
        if suspension.left_s is not None and event.due_at is not None:
            left = policy.working_time.left(event.recorded_at, event.due_at, working=suspension.working)
            assert left == timedelta(seconds=suspension.left_s), "what was left when it was suspended is left now"
    if not isinstance(event, CaseRequestReviewed):
        pending = time_limits_of(before).pending
        kept = time_limits_of(after).requests
        assert pending is None or kept[pending.number - 1].outcome in (None, "lapsed"), "only a review decides"
