"""Orders to help change and end with the case, and go on when another department leads it."""

import pytest

from paidan_contracts.actions import Action, Assign, CallBack, File, Inspect, Redispatch, Void
from paidan_contracts.department_actions import Accept, Finish, Return
from paidan_contracts.state import CaseState
from paidan_dispatch.cases.case_state import open_helpers
from paidan_dispatch.cases.decide import Progressed, decide
from paidan_dispatch.cases.reports import receive_report
from paidan_dispatch.matching.match import CandidateIndex
from tests.dispatch.builders import (
    ActionContext,
    build_report,
    build_request,
    case_after,
    decide_action,
    opened_case,
    receive_reports,
)
from tests.dispatch.burst_pipe import BURST, POLICY, after, burst, finished, helper, messages, summary
from tests.dispatch.sample_pack import pack_document, policy_of, policy_with_helpers


@pytest.mark.parametrize(
    ("state", "action", "of_helper"),
    [
        pytest.param(burst(), Void(reason="x"), ("withdrawn", "voided"), id="void"),
        pytest.param(finished(), Inspect(passed=True), ("withdrawn", "closed"), id="close"),
        pytest.param(finished(), Inspect(passed=False, reason="leaks"), ("changed", "rework"), id="rework"),
        pytest.param(burst(), File(row_id="E0111-1", reason="seen"), ("changed", "refiled"), id="file anew"),
        pytest.param(
            after(finished(), Inspect(passed=True)),
            CallBack(rating="dissatisfied", reason="still wet"),
            ("changed", "reopened"),
            id="reopen",
        ),
        pytest.param(burst(), Accept(), None, id="accept"),
    ],
)
def test_orders_to_help_change_and_end_with_the_case(
    state: CaseState, action: Action, of_helper: tuple[str, str] | None
) -> None:
    step = decide_action(state, action, ActionContext(minutes=30), policy=POLICY)

    sent = [each for each in messages(step) if each.order.role == "helper"]
    assert [each.order.department for each in sent] == (["roads", "night"] if of_helper else [])
    assert {each[2:] for each in summary(sent)} == ({of_helper} if of_helper else set())
    assert {each.model_dump().get("reason") for each in sent} <= {getattr(action, "reason", "")}


def test_merged_report_reaches_helpers() -> None:
    _, merged = receive_reports(BURST, build_report("2", class_code="C0101"), policy=POLICY)

    assert summary(messages(merged)) == [
        ("water", "lead", "changed", "merged"),
        ("roads", "helper", "changed", "merged"),
        ("night", "helper", "changed", "merged"),
    ]


def test_a_case_that_moves_by_hand_keeps_its_helpers_but_for_the_new_lead() -> None:
    step = decide_action(
        after(burst(), Accept(), by="roads"), Redispatch(department="roads", reason="their pipe"), policy=POLICY
    )

    assert sorted(summary(messages(step))) == [
        ("roads", "helper", "withdrawn", "redispatched"),
        ("roads", "lead", "issued", None),
        ("water", "lead", "withdrawn", "redispatched"),
    ]
    assert {each.model_dump()["reason"] for each in messages(step) if "withdrawn" in each.model_dump()["type"]} == {
        "their pipe"
    }
    assert open_helpers(step.after) == ("night",)  # type: ignore[union-attr]


def test_a_case_that_another_rule_takes_gets_that_rules_helpers() -> None:
    pack = pack_document()
    pack["routing"][:0] = [
        {"id": "one", "classes": ["C*"], "lead": "water", "helpers": ["roads", "night"]},
        {"id": "two", "classes": ["C*"], "lead": "north", "helpers": ["night", "south", "north"]},
    ]
    policy = policy_of(pack)
    state = opened_case(BURST, policy=policy)

    step = decide(state, build_request(state, Return(code="other", reason="no")), policy)

    assert isinstance(step, Progressed)
    assert step.after.department == "north"
    assert open_helpers(step.after) == ("night", "south")
    assert helper(step.after, "night") == helper(state, "night"), "who helps already goes on"
    assert helper(step.after, "south").placed_by.rule == "two"


def test_while_nobody_leads_helpers_go_on() -> None:
    policy = policy_with_helpers("E0601", "roads", ["night", "water"])
    state = opened_case(build_report(class_code="E0601"), policy=policy)

    held = case_after(state, Return(code="other", reason="no"), policy=policy)

    assert (held.status, open_helpers(held)) == ("filed", ("night", "water"))
    answered = case_after(held, Finish(), actor="department:night", policy=policy)
    assert (answered.status, answered.held_because) == ("filed", held.held_because)
    assert open_helpers(case_after(held, Assign(department="south", reason="x"), policy=policy)) == ("night", "water")


def test_an_owner_that_is_a_helper_too_is_asked_once() -> None:
    policy = policy_with_helpers("C*", "owner", ["roads", "water", "roads"])
    result = receive_report(
        build_report(class_code="C0101", suggested_owner="water"),
        nearby=CandidateIndex(),
        state_of=lambda _: pytest.fail("there is none"),
        policy=policy,
    )

    assert (result.after.department, open_helpers(result.after)) == ("water", ("roads",))
