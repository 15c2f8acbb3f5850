"""Complaints about handling: the department complained of neither handles nor judges them."""

from typing import Any

import pytest

from paidan_contracts.actions import Assign, CallBack, Inspect, Redispatch, Reply, Verify
from paidan_contracts.department_actions import Accept, Finish
from paidan_contracts.record_actions import Correct
from paidan_contracts.state import CaseState
from paidan_contracts.unit_actions import HandOn
from paidan_dispatch.actions.permissions import units_to_hand_on_to
from paidan_dispatch.cases.case_state import open_helpers
from paidan_dispatch.cases.decide import Progressed, Refused
from paidan_dispatch.cases.reports import Opened
from tests.dispatch.builders import (
    ActionContext,
    build_report,
    case_after,
    decide_action,
    opened_case,
    receive_reports,
    types,
)
from tests.dispatch.sample_pack import policy_with_helpers
from tests.dispatch.units import policy_with_units


def _complaint(**fields: Any) -> CaseState:  # noqa: ANN401 - fields of a report
    return opened_case(build_report("complaint", complained_of="north", **fields))


def _refused_field(state: CaseState, action: Any, **context: Any) -> str | None:  # noqa: ANN401
    result = decide_action(state, action, ActionContext(**context))
    assert isinstance(result, Refused)
    return result.refusal.field


def test_rule_that_chooses_the_department_complained_of_does_not_cover_the_complaint() -> None:
    assert opened_case().department == "north"

    assert _complaint().department == "roads", "the next rule that covers it"


def test_complaint_that_no_other_rule_covers_is_held() -> None:
    state = opened_case(build_report(class_code="E0505", complained_of="roads"))

    assert (state.status, state.department) == ("filed", None)


def test_nobody_assigns_it_to_the_department_complained_of() -> None:
    assert _refused_field(_complaint(), Redispatch(department="north", reason="x")) == "action.department"
    held = opened_case(build_report(class_code="E0505", complained_of="roads"))
    assert _refused_field(held, Assign(department="roads", reason="x")) == "action.department"


def test_department_complained_of_does_not_help() -> None:
    policy = policy_with_helpers("E01*", "roads", ["north", "water"])

    state = opened_case(build_report(complained_of="north"), policy=policy)

    assert open_helpers(state) == ("water",)


def test_its_people_neither_verify_nor_inspect() -> None:
    waiting = _complaint(source="app")
    assert _refused_field(waiting, Verify(verified=True), actor="inspector:ivy", member="north") == "actor"
    done = case_after(case_after(_complaint(), Accept()), Finish())
    assert _refused_field(done, Inspect(passed=True), actor="inspector:ivy", member="north") == "actor"
    assert case_after(done, Inspect(passed=True)).status == "closed"


def test_its_people_neither_call_nor_answer_who_complains() -> None:
    closed = case_after(case_after(case_after(_complaint(), Accept()), Finish()), Inspect(passed=True))
    call = CallBack(rating="satisfied")

    assert _refused_field(closed, call, actor="caller:carl", member="north") == "actor"
    assert _refused_field(closed, Reply(text="x"), actor="operator:olga", member="north") == "actor"
    called = decide_action(closed, call, ActionContext(actor="caller:carl", member="water"))
    assert isinstance(called, Progressed)


def test_complaint_about_an_open_case_opens_one_of_its_own() -> None:
    """Merged into it, the complaint would go to the department that it is about."""
    decisions = receive_reports(
        build_report("1"), build_report("2", complained_of="north", minutes=1), build_report("3", minutes=2)
    )

    assert [isinstance(each, Opened) for each in decisions] == [True, True, False]
    assert decisions[2].after.case_id == decisions[0].after.case_id


def test_operator_names_whom_a_case_complains_of() -> None:
    state = opened_case(build_report(class_code=None))

    named = case_after(state, Correct(reason="the text says so", complained_of="north"))
    routed = decide_action(named, Correct(reason="rubbish", class_code="E0110"))

    assert isinstance(routed, Progressed)
    assert types(routed) == ["corrected", "dispatched"]
    assert routed.after.department == "roads"


def test_case_with_the_department_complained_of_goes_to_another_one_at_once() -> None:
    state = opened_case()
    assert _refused_field(state, Correct(reason="x", complained_of="north")) == "action.department"

    moved = decide_action(state, Correct(reason="x", complained_of="north", department="water"))

    assert isinstance(moved, Progressed)
    assert (moved.after.department, moved.after.complained_of) == ("water", "north")


@pytest.mark.parametrize("department", ["fire", "nort"])
def test_unknown_department_is_refused(department: str) -> None:
    assert _refused_field(opened_case(), Correct(reason="x", complained_of=department)) == "action.complained_of"


BARRED = policy_with_units()
SUPERVISED = policy_with_units(complaints={"supervising_unit": True})


def test_units_above_and_below_the_one_complained_of_get_nothing() -> None:
    of_squad = opened_case(build_report(complained_of="north-squad"), policy=BARRED)
    assert of_squad.department == "roads", "north, above it, would have been the rule's"

    of_bureau = opened_case(build_report(complained_of="north"), policy=BARRED)
    accepted = case_after(of_bureau, Accept(), policy=BARRED)
    done = case_after(accepted, Finish(), policy=BARRED)
    context = ActionContext(actor="inspector:ivy", member="north-squad")
    judged = decide_action(done, Inspect(passed=True), context, policy=BARRED)
    assert isinstance(judged, Refused)
    assert judged.refusal.code == "doer_may_not_inspect"


def test_unit_above_takes_it_where_the_pack_says_so_and_hands_it_on_to_others_alone() -> None:
    state = opened_case(build_report(complained_of="north-squad"), policy=SUPERVISED)
    assert state.department == "north"

    barred = decide_action(state, HandOn(unit="north-squad"), policy=SUPERVISED)
    assert isinstance(barred, Refused)
    assert barred.refusal.field == "action.unit"
    assert units_to_hand_on_to(state, SUPERVISED) == ("north-street", "north-cleaners")
    assert case_after(state, HandOn(unit="north-street"), policy=SUPERVISED).status == "handling"


def test_case_that_the_unit_complained_of_has_in_hand_goes_to_another_one_at_once() -> None:
    state = case_after(opened_case(policy=SUPERVISED), HandOn(unit="north-squad"), policy=SUPERVISED)
    named = Correct(reason="x", complained_of="north-squad")

    stays = decide_action(state, named, policy=SUPERVISED)
    moved = decide_action(state, named.model_copy(update={"department": "water"}), policy=SUPERVISED)

    assert isinstance(stays, Refused)
    assert isinstance(moved, Progressed)
    assert open_helpers(moved.after) == ()
