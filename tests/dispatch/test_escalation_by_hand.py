"""督办 by hand: raised to a level, ended with a reason, refused with what is missing."""

import pytest

from paidan_contracts.actions import Action, Void
from paidan_contracts.department_actions import Finish
from paidan_contracts.escalation_actions import EndEscalation, Escalate
from paidan_contracts.state import CaseState
from paidan_dispatch.cases import orders
from paidan_dispatch.cases.decide import Ignored, Progressed, Refused, expire_timer
from paidan_dispatch.cases.ladder import ESCALATIONS_KEPT
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.timers import running_timers
from paidan_dispatch.inbox.case_rows import level_of
from tests.dispatch.builders import (
    ActionContext,
    decide_action,
    opened_case,
    timer_due,
    types,
)
from tests.dispatch.escalation_cases import POLICY, accepted, after, levels, policy_with, run_until
from tests.dispatch.sample_pack import pack_document, policy_of


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


def test_level_that_stands_does_not_get_lost_among_newer_ones() -> None:
    state = after(accepted(), Escalate(level="listed", reason="a"), 10)
    for _ in range(ESCALATIONS_KEPT + 1):
        state = after(
            after(state, Escalate(level="leader", reason="b"), 11), EndEscalation(level="leader", reason="c"), 12
        )

    assert levels(state) == ["listed"]
    assert state.escalation is not None
    assert len(state.escalation.entries) == ESCALATIONS_KEPT + 1


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
