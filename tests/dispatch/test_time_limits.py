"""Worked examples of extension, suspension, limits set by hand, and plans."""

from datetime import UTC, datetime

import pytest

from paidan_contracts.actions import File, Inspect, Redispatch
from paidan_contracts.clock_events import CaseClockWarned, CaseOverdue
from paidan_contracts.department_actions import Accept, Finish
from paidan_contracts.state import CaseState
from paidan_contracts.time_limit_actions import (
    Appeal,
    AskSuspension,
    FinishStep,
    PlanStep,
    Resume,
    Review,
    SetLimit,
)
from paidan_dispatch.cases.decide import Progressed, Refused, decide, expire_timer
from paidan_dispatch.cases.limit_requests import time_limits_of
from paidan_dispatch.cases.orders import order_events
from paidan_dispatch.cases.timers import running_timers
from tests.dispatch.builders import (
    START_TIME,
    ActionContext,
    at_minute,
    build_report,
    build_request,
    case_after,
    decide_action,
    expire,
    opened_case,
    timer_due,
    types,
)
from tests.dispatch.limit_cases import (
    ASK,
    CHIEF,
    DISPATCHER,
    HOUR,
    NO,
    YES,
    closed_late,
    due,
    extended,
    in_work,
    refused,
)
from tests.dispatch.sample_pack import default_policy, pack_document, policy_of, policy_with_helpers


def test_extension_adds_one_original_limit_to_the_current_deadline() -> None:
    """4 working hours from Monday 09:00 end at 15:00; 4 more at 09:00 on Tuesday, the next 4 at 15:00."""
    state = in_work()
    assert due(state) == at_minute(6 * HOUR)

    once = extended(state)
    assert due(once) == at_minute(24 * HOUR)
    assert once.assignments[-1].limits[-1].began_at == START_TIME

    twice = extended(once)
    assert due(twice) == at_minute(30 * HOUR)
    assert refused(twice, ASK) == ("not_allowed_in_state", "action.kind"), "at most twice"


def test_extension_is_decided_by_the_chain_in_order() -> None:
    asked = case_after(in_work(), ASK, minutes=5)
    assert refused(asked, ASK) == ("not_allowed_in_state", "action.kind"), "one waits already"
    assert refused(asked, YES, actor=DISPATCHER) == ("not_your_role", "actor"), "the chief decides first"

    step = decide_action(asked, YES, ActionContext(minutes=6, actor=CHIEF))
    assert isinstance(step, Progressed)
    assert types(step) == ["request_reviewed"]
    assert due(step.after) == due(asked)
    assert refused(step.after, YES, actor=CHIEF) == ("not_your_role", "actor")

    last = decide_action(step.after, YES, ActionContext(minutes=7, actor=DISPATCHER))
    assert isinstance(last, Progressed)
    assert types(last) == ["request_reviewed", "extended"]
    (told,) = order_events(step.after, last.events, default_policy())
    assert (told.order.due_at, getattr(told, "because", None)) == (due(last.after), "extended")


def test_rejection_states_its_reason_and_does_not_count() -> None:
    asked = case_after(in_work(), ASK, minutes=5)
    assert refused(asked, Review(approved=False), actor=CHIEF) == ("reason_missing", "action.reason")
    rejected = decide_action(asked, NO, ActionContext(minutes=6, actor=CHIEF))
    assert isinstance(rejected, Progressed)
    (told,) = order_events(asked, rejected.events, default_policy())
    assert (getattr(told, "because", None), getattr(told, "reason", None)) == ("rejected", "no")

    assert due(extended(extended(rejected.after))) == at_minute(30 * HOUR)


def test_extension_is_impossible_once_overdue_by_the_stamp_of_the_deed() -> None:
    state = in_work()
    late = 6 * HOUR + 1
    assert refused(state, ASK, minutes=late) == ("not_allowed_in_state", "action.kind")
    asked = case_after(case_after(state, ASK, minutes=5), YES, minutes=5, actor=CHIEF)
    assert refused(asked, YES, minutes=late, actor=DISPATCHER) == ("not_allowed_in_state", "action.kind")
    assert time_limits_of(case_after(asked, NO, minutes=late, actor=DISPATCHER)).pending is None


def test_request_lapses_as_the_work_is_finished_or_goes_elsewhere() -> None:
    asked = case_after(in_work(), ASK, minutes=5)
    for action in (Finish(), Redispatch(department="south", reason="x")):
        after = case_after(asked, action, minutes=6)
        assert time_limits_of(after).requests[-1].outcome == "lapsed"


def test_helper_may_not_ask_for_the_lead() -> None:
    policy = policy_with_helpers("E01*", "district:street", ["roads"])
    request = build_request(in_work(policy=policy), ASK, ActionContext(minutes=5, actor="department:roads"))
    result = decide(in_work(policy=policy), request, policy)
    assert isinstance(result, Refused)
    assert result.refusal.code == "not_your_order"


def suspended(state: CaseState, *, resume_minute: float, minutes: float = HOUR) -> CaseState:
    asked = case_after(state, AskSuspension(reason="a trial", resume_at=at_minute(resume_minute)), minutes=minutes)
    return case_after(asked, YES, minutes=minutes)


def test_suspended_clock_stands_and_goes_on_with_what_was_left() -> None:
    """Suspended at 10:00 with 3 of 4 working hours left; resumed on Wednesday 09:00, they end at 12:00."""
    state = suspended(in_work(), resume_minute=48 * HOUR)
    assert state.status == "suspended"
    assert due(state) is None
    (timer,) = [each for each in running_timers(state) if each.kind == "resume"]
    assert [each for each in running_timers(state) if each.kind == "handle"] == []

    result = expire(state, timer)

    assert isinstance(result, Progressed)
    assert types(result) == ["resumed"]
    assert (result.after.status, due(result.after)) == ("handling", at_minute(51 * HOUR))
    assert result.events[0].recorded_at == at_minute(48 * HOUR)


def test_urgent_limit_goes_on_with_all_hours() -> None:
    """2 urgent hours, of which one was left: resumed on Saturday night they end an hour later."""
    policy = default_policy()
    report = build_report(class_code="C0101", suggested_owner="water")
    state = case_after(opened_case(report), Accept(), minutes=1)
    assert state.department is not None
    state = suspended(state, resume_minute=5 * 24 * HOUR + 14 * HOUR)
    resumed = case_after(state, Resume(), minutes=5 * 24 * HOUR + 12 * HOUR, policy=policy)
    assert due(resumed) == at_minute(5 * 24 * HOUR + 13 * HOUR)


def test_deed_after_the_date_finds_the_case_resumed_whichever_record_comes_first() -> None:
    state = suspended(in_work(), resume_minute=48 * HOUR)
    assert refused(state, Finish(), minutes=47 * HOUR) == ("not_allowed_in_state", "action.kind")

    result = decide_action(state, Finish(), ActionContext(minutes=49 * HOUR))

    assert isinstance(result, Progressed)
    assert types(result) == ["resumed", "finished"]
    assert result.events[0].recorded_at == at_minute(48 * HOUR)
    assert not any(each.kind == "resume" for each in running_timers(result.after))


@pytest.mark.parametrize("resume_at", [None, at_minute(4), at_minute(366 * 24 * HOUR)])
def test_suspension_needs_a_date_within_the_days_that_the_city_allows(resume_at: datetime | None) -> None:
    action = AskSuspension(reason="x", resume_at=resume_at)
    assert refused(in_work(), action) == ("invalid_field", "action.resume_at")


def test_date_without_a_zone_is_the_citys() -> None:
    action = AskSuspension.model_validate({"reason": "x", "resume_at": "2026-03-04 09:00"})
    asked = case_after(in_work(), action, minutes=5)
    assert time_limits_of(asked).requests[-1].resume_at == datetime(2026, 3, 4, 1, tzinfo=UTC)


def test_limit_set_by_hand_replaces_the_running_one_with_its_reason() -> None:
    state = in_work()
    for minute in (4 * HOUR, 400 * HOUR):
        after = case_after(state, SetLimit(due_at=at_minute(minute), reason="the mayor"), minutes=5)
        assert due(after) == at_minute(minute)
        assert time_limits_of(after).set_because == "the mayor"
        assert len(after.assignments[-1].limits) == 1
    assert refused(state, SetLimit(due_at=at_minute(4), reason="x")) == ("invalid_field", "action.due_at")
    assert refused(state, SetLimit(due_at=at_minute(99), reason="x"), actor=CHIEF) == ("not_your_role", "actor")


def test_limit_set_by_hand_keeps_that_the_one_before_was_overdue() -> None:
    state = case_after(in_work(), SetLimit(due_at=at_minute(40 * HOUR), reason="x"), minutes=7 * HOUR)
    assignment = state.assignments[-1]
    assert [each.overdue_at for each in assignment.limits] == [at_minute(6 * HOUR), None]
    assert assignment.overdue_at == at_minute(6 * HOUR)


def test_limit_that_a_rule_sets_anew_is_not_the_one_that_was_set_by_hand() -> None:
    state = case_after(in_work(), SetLimit(due_at=at_minute(300), reason="the mayor"), minutes=5)

    for action in (Redispatch(department="water", reason="x"), File(row_id="E0111-1")):
        anew = case_after(state, action, minutes=6)
        assert due(anew) != at_minute(300)
        assert time_limits_of(anew).set_because is None
        by_hand = case_after(anew, SetLimit(due_at=at_minute(200), reason="the mayor"), minutes=7)
        assert time_limits_of(by_hand).set_because == "the mayor"
    finished = case_after(state, Finish(), minutes=8)
    reworked = case_after(finished, Inspect(passed=False, reason="x"), minutes=9)
    assert (due(reworked), time_limits_of(reworked).set_because) == (at_minute(300), "the mayor")


def test_planned_steps_are_warned_of_overdue_and_ticked_off_each_by_itself() -> None:
    document = pack_document()
    document["clocks"] = document["clocks"] | {"warn_at": 0.8}
    policy = policy_of(document)
    state = case_after(in_work(policy=policy), PlanStep(due_at=at_minute(100), text="dig"), minutes=0, policy=policy)
    state = case_after(state, PlanStep(due_at=at_minute(200), text="fill"), minutes=0, policy=policy)
    assert refused(state, PlanStep(due_at=at_minute(361), text="x")) == ("invalid_field", "action.due_at")

    fired = {}
    while timers := [each for each in running_timers(state) if each.kind.startswith("plan_step")]:
        result = expire_timer(state, timer_due(min(timers, key=lambda each: each.due_at)), policy)
        assert isinstance(result, Progressed)
        event, state = result.events[0], result.after
        fired[event.recorded_at] = type(event)
        if event.recorded_at == at_minute(80):
            state = case_after(state, FinishStep(step=1, text="dug"), minutes=90, policy=policy)

    assert fired == {
        at_minute(80): CaseClockWarned, at_minute(160): CaseClockWarned, at_minute(200): CaseOverdue
    }  # fmt: skip
    dug, filled = time_limits_of(state).plan
    assert (dug.done_at, dug.overdue_at) == (at_minute(90), None)
    late = time_limits_of(case_after(state, FinishStep(step=2), minutes=210, policy=policy)).plan[1]
    assert (filled.overdue_at, late.done_at, late.overdue_at) == (at_minute(200), at_minute(210), at_minute(200))
    assert refused(state, FinishStep(step=1), minutes=220) == ("invalid_field", "action.step")


def test_city_without_terms_refuses_all_of_it() -> None:
    document = pack_document()
    for name in ("extension", "suspension", "appeal", "hand_set"):
        del document["clocks"][name]
    policy = policy_of(document)
    late = at_minute(100)
    for state, action in (
        (in_work(), ASK),
        (in_work(), AskSuspension(reason="x", resume_at=late)),
        (in_work(), SetLimit(due_at=late, reason="x")),
        (in_work(), PlanStep(due_at=late, text="x")),
        (closed_late(), Appeal(reason="x")),
    ):
        result = decide(state, build_request(state, action, ActionContext(minutes=5)), policy)
        assert isinstance(result, Refused)
        assert (result.refusal.code, result.refusal.field) == ("not_allowed_in_state", "action.kind")


def test_extension_of_a_limit_that_is_gone_by_then_can_only_be_rejected() -> None:
    asked = case_after(in_work(), ASK, minutes=5)
    refiled = case_after(asked, File(row_id="E0505-1"), minutes=6)
    passed_on = decide_action(refiled, YES, ActionContext(minutes=7, actor=CHIEF))

    assert isinstance(passed_on, Refused)
    assert passed_on.refusal.message.startswith("The case has no time limit")
    assert case_after(refiled, NO, minutes=7, actor=CHIEF).time_limits is not None
