"""Transitions between departments: returning, assigning, redispatching, and filing against another row."""

import pytest

from paidan_contracts.actions import Assign, File, Redispatch
from paidan_contracts.department_actions import Accept, Return
from paidan_dispatch.cases.decide import Progressed, Refused
from tests.dispatch.builders import (
    START_TIME,
    ActionContext,
    at_minute,
    build_report,
    case_after,
    decide_action,
    opened_case,
    types,
)


def test_a_returned_case_goes_to_the_next_rule_that_names_another() -> None:
    state = opened_case()

    step = decide_action(state, Return(code="not_our_duty", reason="a pipe"), ActionContext(minutes=3))

    assert types(step) == ["returned", "dispatched"]
    after = step.after  # type: ignore[union-attr] # checked by types()
    assert (after.hops, after.department, after.status) == (1, "roads", "dispatched")
    first, second = after.assignments
    assert (first.returned_at, first.return_code) == (at_minute(3), "not_our_duty")
    assert (second.number, second.placed_by.rule, second.dispatched_at) == (2, "rest", at_minute(3))
    assert second.order_id != first.order_id


def test_rule_decision_has_no_actor() -> None:
    step = decide_action(opened_case(), Return(code="other", reason="no"))

    assert isinstance(step, Progressed)
    assert [event.actor.id if event.actor else None for event in step.events] == ["north", None]
    assert len({event.cause for event in step.events}) == 1


def test_case_returned_twice_awaits_manual_assignment() -> None:
    state = case_after(opened_case(), Return(code="other", reason="no"))

    step = decide_action(state, Return(code="other", reason="nor us"))

    assert types(step) == ["returned", "held"]
    assert "returned 2 times" in str(step.after.held_because)  # type: ignore[union-attr]
    assert step.after.department == "roads", "who had it last"  # type: ignore[union-attr]


def test_case_without_candidates_awaits_manual_assignment() -> None:
    step = decide_action(opened_case(build_report(class_code="E0601")), Return(code="other", reason="no"))

    assert types(step) == ["returned", "held"]


def test_manual_assignment_may_pick_a_department_that_returned_it() -> None:
    state = opened_case(build_report(class_code="E0601"))
    held = case_after(state, Return(code="other", reason="no"))

    after = case_after(held, Assign(department="roads", reason="it is yours"), minutes=4)

    assert (after.department, after.held_because, len(after.assignments)) == ("roads", None, 2)
    assert after.assignments[1].placed_by.rule == "by_hand"


@pytest.mark.parametrize("action", [Assign(department="fire", reason="x"), Redispatch(department="fire", reason="x")])
def test_unknown_department_is_refused(action: Assign | Redispatch) -> None:
    state = opened_case(build_report(class_code=None)) if isinstance(action, Assign) else opened_case()

    result = decide_action(state, action)

    assert isinstance(result, Refused)
    assert (result.refusal.code, result.refusal.field) == ("unknown_department", "action.department")
    assert "no department fire." in result.refusal.message


def test_redispatch_takes_the_order_from_one_and_gives_it_to_another() -> None:
    after = case_after(opened_case(), Redispatch(department="south", reason="their side"), minutes=8)

    first, second = after.assignments
    assert (first.withdrawn_at, second.department, second.dispatched_at) == (at_minute(8), "south", at_minute(8))
    assert second.limits[0].due_at == at_minute(6 * 60 + 8), "another department's time begins anew"


def test_redispatch_to_the_current_department_is_refused() -> None:
    assert isinstance(decide_action(opened_case(), Redispatch(department="north", reason="again")), Refused)


def test_filing_a_classless_case_sets_its_class_and_routes_it() -> None:
    state = opened_case(build_report(class_code=None))

    after = case_after(state, File(row_id="E0110-2"), minutes=2)

    assert (after.class_code, after.row_id, after.department, after.held_because) == (
        "E0110",
        "E0110-2",
        "roads",
        None,
    )
    assert after.filed_by is not None
    assert after.filed_by.rule == "by_hand"


def test_unknown_row_is_refused() -> None:
    result = decide_action(opened_case(), File(row_id="E0110-9"))

    assert isinstance(result, Refused)
    assert (result.refusal.code, result.refusal.field) == ("unknown_row", "action.row_id")


@pytest.mark.parametrize(
    ("action", "nearest"),
    [
        (Assign(department="raods", reason="x"), "roads"),
        (Redispatch(department="souht", reason="x"), "south"),
        (File(row_id="e0110-2"), "E0110-2"),
    ],
)
def test_unknown_name_is_answered_with_the_nearest_in_both_languages(
    action: Assign | Redispatch | File, nearest: str
) -> None:
    state = opened_case(build_report(class_code=None)) if isinstance(action, Assign) else opened_case()

    result = decide_action(state, action)

    assert isinstance(result, Refused)
    assert f"(did you mean {nearest}?)" in result.refusal.message
    assert f"（是否为 {nearest}？）" in result.refusal.message_zh


def test_filing_anew_counts_the_other_limit_from_where_the_first_began() -> None:
    state = case_after(opened_case(), Accept(), minutes=5)

    after = case_after(state, File(row_id="E0111-1"), minutes=100)

    (limit,) = after.assignments[0].limits
    assert (after.class_code, after.status, after.department) == ("E0111", "handling", "north")
    assert (limit.number, limit.began_at, limit.due_at) == (2, START_TIME, at_minute(7 * 24 * 60)), "five working days"
