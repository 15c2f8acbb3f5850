"""The escalation ladder: once for each limit it urges and raises by itself, by hand anybody who may; limits stay."""

from typing import Any

import pytest

from paidan_contracts.actions import Action, CallBack, File, Inspect, Redispatch, Void
from paidan_contracts.department_actions import Accept, Finish
from paidan_contracts.escalation_actions import EndEscalation, Escalate
from paidan_contracts.state import CaseState
from paidan_dispatch.cases import orders
from paidan_dispatch.cases.decide import Ignored, Progressed, Refused, expire_timer
from paidan_dispatch.cases.ladder import follow_status
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.timers import Timer, running_timers
from paidan_dispatch.inbox.case_rows import level_of
from tests.dispatch.builders import (
    ActionContext,
    at_minute,
    build_report,
    case_after,
    decide_action,
    opened_case,
    timer_due,
    types,
)
from tests.dispatch.sample_pack import LADDER, pack_document, policy_of


def policy_with(warn_at: float = 0.5, ladder: dict[str, Any] | None = None) -> CityPolicy:
    document = pack_document()
    document["clocks"]["warn_at"] = warn_at
    document["posts"] = [
        {"id": "mayor", "names": {"zh": "市长", "en": "Mayor"}, "duty": "supervisor"},
        *(
            {"id": f"desk-{district}", "names": {"zh": "席位", "en": "Desk"}, "duty": "desk", "places": [district]}
            for district in "12"
        ),
    ]
    document["escalation"] = LADDER if ladder is None else ladder
    return policy_of(document)


POLICY = policy_with()


def after(state: CaseState, action: Action, minutes: float = 0) -> CaseState:
    return case_after(state, action, minutes=minutes, policy=POLICY)


def fire(state: CaseState, timer: Timer, policy: CityPolicy = POLICY) -> Progressed:
    result = expire_timer(state, timer_due(timer), policy)
    assert isinstance(result, Progressed), result
    return result


def run_until(
    state: CaseState, minutes: float, policy: CityPolicy = POLICY
) -> tuple[CaseState, list[tuple[str, float]]]:
    """Fire whatever is due until then; return the steps with their minutes."""
    told: list[tuple[str, float]] = []
    while len(told) < 50 and (due := [each for each in running_timers(state) if each.due_at <= at_minute(minutes)]):
        step = fire(state, min(due, key=lambda each: each.due_at), policy)
        minute = (step.events[0].recorded_at - at_minute(0)).total_seconds() / 60
        told += [(kind, minute) for kind in types(step)]
        state = step.after
    return state, told


def levels(state: CaseState) -> list[str]:
    return [each.level for each in state.escalation.standing] if state.escalation else []


def accepted(minutes: float = 5) -> CaseState:
    return after(opened_case(policy=POLICY), Accept(), minutes)


def test_ladder_climbs_step_by_step_by_working_time_after_the_limit() -> None:
    """Four working hours from Monday 09:00 end at 15:00; an hour more is 16:00, a working day more Tuesday 15:00."""
    state, told = run_until(accepted(), 5_000)

    assert told == [
        ("clock_warned", 180),
        ("escalated", 324),  # nine tenths of the limit, for this class
        ("overdue", 360),
        ("urged", 360),
        ("escalated", 420),
        ("escalated", 360 + 24 * 60),
    ]
    assert levels(state) == ["watched", "leader", "supervised", "listed"]
    assert (state.urged, level_of(state)) == (1, "listed")
    assert state.status == "handling"
    assert state.assignments[-1].limits[-1].due_at == at_minute(360)
    assert list(running_timers(state)) == []


def test_a_level_names_posts_of_the_city_and_of_the_case_s_own_district() -> None:
    state, _ = run_until(accepted(), 420)

    assert state.escalation is not None
    raised = {each.level: each for each in state.escalation.standing}
    assert raised["leader"].posts == ("mayor", "desk-1")
    assert (raised["leader"].since, raised["leader"].by) == (at_minute(420), None)
    assert raised["leader"].rule is not None
    assert raised["leader"].rule.rule == "to-leader"


def test_who_finishes_in_time_is_not_escalated_and_work_that_fails_goes_on_where_it_stood() -> None:
    warned, _ = run_until(accepted(), 200)
    finished = after(warned, Finish(), 200)
    assert [each.kind for each in running_timers(finished) if "escalation" in each.kind] == []

    reworked = after(finished, Inspect(passed=False, reason="dirty"), 380)
    state, told = run_until(reworked, 700)

    assert told == [("overdue", 360), ("escalated", 360), ("urged", 360), ("escalated", 420)]
    assert levels(state) == ["watched", "leader", "supervised"]


def test_ladder_halts_while_the_work_is_inspected_and_no_step_fires_twice() -> None:
    late, _ = run_until(accepted(), 400)
    assert levels(late) == ["watched"]
    inspecting = after(late, Finish(), 410)
    assert [each for each in running_timers(inspecting) if "escalation" in each.kind] == []

    state = after(inspecting, Inspect(passed=False, reason="dirty"), 1_410)
    [timer] = [each for each in running_timers(state) if "escalation" in each.kind]
    state, told = run_until(state, 1_420)

    assert timer.due_at == at_minute(1_420)
    assert told == [("escalated", 1_420)]
    assert state.urged == 1


def test_suspended_work_is_not_escalated_and_what_was_left_is_left_when_it_goes_on() -> None:
    late, _ = run_until(accepted(), 400)
    suspended = late.model_copy(update={"status": "suspended"})
    assert [each for each in running_timers(suspended) if "escalation" in each.kind] == []

    halted = follow_status(late, suspended, at_minute(405))
    state = follow_status(halted, halted.model_copy(update={"status": "handling"}), at_minute(2_405))

    [timer] = [each for each in running_timers(state) if "escalation" in each.kind]
    assert timer.due_at == at_minute(2_420)


def test_reopened_case_begins_the_ladder_anew_under_its_new_limit() -> None:
    late, _ = run_until(accepted(), 430)
    closed = after(after(late, Finish(), 440), Inspect(passed=True), 450)
    assert (levels(closed), level_of(closed)) == ([], None)
    assert closed.escalation is not None
    assert {each.ended_at for each in closed.escalation.entries} == {at_minute(450)}

    reopened = after(closed, CallBack(rating="dissatisfied"), 500)
    state, told = run_until(reopened, 5_000)

    assert [kind for kind, _ in told] == ["clock_warned", "escalated", "overdue", "urged", "escalated", "escalated"]
    assert levels(state) == ["watched", "leader", "supervised", "listed"]
    assert state.urged == 2


def test_another_department_or_row_begins_anew_while_what_stands_goes_on_standing() -> None:
    late, _ = run_until(accepted(), 430)

    moved = after(late, Redispatch(department="water", reason="theirs"), 440)
    state, told = run_until(moved, 100_000)

    assert levels(moved) == ["watched", "leader", "supervised"]
    assert [kind for kind, _ in told].count("urged") == 4, "of accepting, of handling, and where all levels stand"
    assert levels(state) == ["watched", "leader", "supervised", "listed"]
    refiled = after(late, File(row_id="E0111-1"), 440)
    assert [each for each in running_timers(refiled) if "escalation" in each.kind] == []


def test_held_case_is_raised_though_no_department_has_it() -> None:
    state, told = run_until(opened_case(build_report(class_code=None), policy=POLICY), 60)

    assert told == [("clock_warned", 7.5), ("clock_overdue", 15), ("escalated", 15)]
    assert levels(state) == ["leader"]


def test_step_is_for_its_classes_sources_and_places_alone() -> None:
    elsewhere = opened_case(build_report(class_code="E0601", place={"district": "2"}), policy=POLICY)
    other = after(elsewhere, Accept(), 5)

    state, _ = run_until(other, 421)

    assert levels(state) == ["leader", "supervised"], "watched is for another class"
    assert state.escalation is not None
    assert state.escalation.standing[0].posts == ("mayor", "desk-2")


def test_a_step_that_the_pack_lost_still_fires_as_it_was_set() -> None:
    late, _ = run_until(accepted(), 400)

    state, told = run_until(late, 430, policy_with(ladder={"levels": LADDER["levels"]}))

    assert [kind for kind, _ in told] == ["escalated"]
    assert levels(state) == ["watched", "leader", "supervised"]


def test_by_hand_it_is_raised_to_a_level_or_the_next_and_the_department_is_told() -> None:
    first = decide_action(accepted(), Escalate(reason="the mayor asks"), ActionContext(minutes=10), policy=POLICY)
    assert isinstance(first, Progressed)
    second = after(first.after, Escalate(level="listed", reason="twice now"), 20)

    assert types(first) == ["escalated"]
    assert levels(second) == ["watched", "listed"]
    assert second.model_copy(update={"version": 2, "escalation": None}) == accepted()
    assert second.escalation is not None
    assert [each.by.id for each in second.escalation.standing if each.by] == ["olga", "olga"]
    [told] = orders.order_events(accepted(), first.events, POLICY)
    body = told.model_dump()
    assert (body["type"], body["levels"], body["reason"]) == ("order.urged.v1", ("watched",), "the mayor asks")
    assert [(each["level"], each["names"]["en"]) for each in body["order"]["escalations"]] == [("watched", "Watched")]


def test_escalation_is_ended_with_a_reason_and_may_be_raised_again() -> None:
    raised = after(
        after(accepted(), Escalate(level="leader", reason="a"), 10), Escalate(level="listed", reason="b"), 11
    )
    ended = decide_action(
        raised, EndEscalation(level="leader", reason="seen"), ActionContext(minutes=12), policy=POLICY
    )
    assert isinstance(ended, Progressed)

    assert (levels(ended.after), level_of(ended.after)) == (["listed"], "listed")
    [told] = orders.order_events(raised, ended.events, POLICY)
    assert told.model_dump()["because"] == "escalation_ended"
    assert [each.level for each in told.order.escalations or ()] == ["listed"]
    nothing = after(ended.after, EndEscalation(reason="all done"), 13)
    assert (levels(nothing), level_of(nothing)) == ([], None)
    assert levels(after(nothing, Escalate(level="leader", reason="again"), 14)) == ["leader"]


@pytest.mark.parametrize(
    ("state", "action", "code", "policy"),
    [
        (accepted(), Escalate(), "reason_missing", POLICY),
        (accepted(), Escalate(level="god", reason="x"), "unknown_level", POLICY),
        (accepted(), Escalate(reason="x"), "unknown_level", policy_with(ladder={})),
        (after(accepted(), Escalate(level="listed", reason="x")), Escalate(reason="x"), "already_escalated", POLICY),
        (after(accepted(), Escalate(reason="x")), Escalate(level="watched", reason="x"), "already_escalated", POLICY),
        (accepted(), EndEscalation(reason="x"), "not_escalated", POLICY),
        (after(accepted(), Escalate(reason="x")), EndEscalation(), "reason_missing", POLICY),
        (after(accepted(), Void(reason="x")), Escalate(reason="x"), "not_allowed_in_state", POLICY),
    ],
)
def test_escalation_is_refused_with_what_is_missing(
    state: CaseState, action: Action, code: str, policy: CityPolicy
) -> None:
    result = decide_action(state, action, ActionContext(minutes=20, actor="operator:olga"), policy=policy)

    assert isinstance(result, Refused)
    assert result.refusal.code == code


def test_cancelled_step_is_ignored_and_a_city_without_a_ladder_stays_as_small() -> None:
    late, _ = run_until(accepted(), 400)
    [timer] = [each for each in running_timers(late) if "escalation" in each.kind]

    assert isinstance(expire_timer(after(late, Finish(), 410), timer_due(timer), POLICY), Ignored)
    document = pack_document()
    document["clocks"]["warn_at"] = 0.5
    plain = policy_of(document)
    state, _ = run_until(opened_case(policy=plain), 10_000, plain)
    assert state.escalation is None
    assert policy_of(pack_document()).version == policy_of({**pack_document(), "escalation": None}).version
