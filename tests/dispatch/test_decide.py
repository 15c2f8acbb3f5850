"""The life of a case, told as stories: what departments, operators and inspectors do, and what comes of it."""

import pytest

from paidan_contracts.actions import Accept, Assign, File, Finish, Inspect, Redispatch, Return, Urge, Verify, Void
from paidan_dispatch.cases.decide import Progressed, Refused, decide
from paidan_dispatch.cases.guards import unknown_case
from paidan_dispatch.cases.reports import receive_report
from paidan_dispatch.matching.match import CandidateIndex
from tests.dispatch.builders import (
    START_TIME,
    ActionContext,
    at_minute,
    build_report,
    build_request,
    case_after,
    decide_action,
    finished,
    opened_case,
    receive_reports,
    types,
)
from tests.dispatch.sample_pack import default_policy, pack_document, policy_of

PHOTO = "a" * 64 + ".jpg"


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


def test_redispatch_takes_the_order_from_one_and_gives_it_to_another() -> None:
    after = case_after(opened_case(), Redispatch(department="south", reason="their side"), minutes=8)

    first, second = after.assignments
    assert (first.withdrawn_at, second.department, second.dispatched_at) == (at_minute(8), "south", at_minute(8))
    assert second.limits[0].due_at == at_minute(6 * 60 + 8), "another department's time begins anew"


def test_redispatch_to_the_current_department_is_refused() -> None:
    assert isinstance(decide_action(opened_case(), Redispatch(department="north", reason="again")), Refused)


def test_filing_a_classless_case_names_its_class_and_sends_it_on() -> None:
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


def test_filing_anew_counts_the_other_limit_from_where_the_first_began() -> None:
    state = case_after(opened_case(), Accept(), minutes=5)

    after = case_after(state, File(row_id="E0111-1"), minutes=100)

    (limit,) = after.assignments[0].limits
    assert (after.class_code, after.status, after.department) == ("E0111", "handling", "north")
    assert (limit.number, limit.began_at, limit.due_at) == (2, START_TIME, at_minute(7 * 24 * 60)), "five working days"


def test_finish_at_the_deadline_is_on_time() -> None:
    state = case_after(opened_case(), Accept(), minutes=5)

    on_time, late = case_after(state, Finish(), minutes=360), case_after(state, Finish(), minutes=360.001)

    assert [each.assignments[0].limits[0].late for each in (on_time, late)] == [False, True]
    assert on_time.assignments[0].overdue_at is None
    assert late.assignments[0].overdue_at == at_minute(360)


def test_without_a_limit_nothing_is_late() -> None:
    state = case_after(opened_case(build_report(class_code="E0505")), Accept(), minutes=1)

    assert case_after(state, Finish(), minutes=99_999).assignments[0].limits[0].late is None


def test_late_acceptance_is_recorded() -> None:
    in_time, late = case_after(opened_case(), Accept(), minutes=30), case_after(opened_case(), Accept(), minutes=31)

    assert in_time.assignments[0].accept_overdue_at is None
    assert late.assignments[0].accept_overdue_at == at_minute(30)


def test_a_row_that_asks_for_a_photo_is_not_finished_without() -> None:
    state = case_after(opened_case(build_report(row_id="E0110-2")), Accept())

    refused = decide_action(state, Finish(text="done"))

    assert isinstance(refused, Refused)
    assert refused.refusal.code == "proof_missing"
    assert case_after(state, Finish(proof=(PHOTO,))).assignments[0].proof == (PHOTO,)


def test_rework_keeps_the_deadline_and_the_last_finish_counts() -> None:
    state = finished(minutes=10)

    again = case_after(state, Inspect(passed=False, reason="still there"), minutes=20)
    done = case_after(again, Finish(), minutes=361)

    (limit,) = done.assignments[0].limits
    assert (limit.began_at, limit.due_at, limit.finished_at, limit.late) == (
        START_TIME,
        at_minute(360),
        at_minute(361),
        True,
    )
    assert (done.round, done.assignments[0].reworks) == (2, 1)


def test_urging_is_counted_and_changes_nothing_else() -> None:
    state = case_after(opened_case(), Accept())

    after = case_after(state, Urge(reason="it smells"), minutes=50)

    assert after == state.model_copy(update={"version": state.version + 1, "urged": 1})


@pytest.mark.parametrize(
    "action", [Void(reason=" "), Return(code="other", reason="\t"), Redispatch(department="south", reason="　")]
)
def test_blank_reason_is_refused(action: Void | Return | Redispatch) -> None:
    result = decide_action(opened_case(), action)

    assert isinstance(result, Refused)
    assert (result.refusal.code, result.refusal.field) == ("reason_missing", "action.reason")


def test_not_accepting_needs_a_reason() -> None:
    result = decide_action(opened_case(build_report(source="app")), Verify(verified=False))

    assert isinstance(result, Refused)
    assert result.refusal.code == "reason_missing"


def test_void_ends_the_assignment() -> None:
    after = case_after(opened_case(), Void(reason="a test call"), minutes=6)

    assert (after.status, after.ended_because, after.assignments[0].withdrawn_at) == (
        "voided",
        "a test call",
        at_minute(6),
    )


def test_an_unknown_case_is_refused_by_name() -> None:
    refusal = unknown_case(opened_case().case_id)

    assert refusal.code == "unknown_case"
    assert opened_case().case_id in refusal.message


def test_action_is_refused_when_its_deadline_cannot_be_computed() -> None:
    result = decide_action(
        opened_case(), Redispatch(department="south", reason="x"), ActionContext(minutes=60 * 24 * 60)
    )

    assert isinstance(result, Refused)
    assert result.refusal.code == "calendar_ended"


@pytest.mark.parametrize("action", [Void(reason="cancelled"), Verify(verified=False, reason="not ours")])
def test_a_merged_report_does_not_end_the_case_of_another(action: Void | Verify) -> None:
    source = "app" if isinstance(action, Verify) else "hotline"
    _, joined = receive_reports(build_report("1", source=source), build_report("2", source=source))
    assert isinstance(joined, Progressed)
    twin = build_report("2", source=source).report_id

    result = decide_action(joined.after, action, ActionContext(of_report=twin))

    assert isinstance(result, Refused)
    assert result.refusal.code == "merged_report"
    assert isinstance(decide_action(joined.after, action, ActionContext(of_report=joined.after.opened_by)), Progressed)


def test_each_step_names_the_pack_it_was_decided_by() -> None:
    """A city changes its rules on a Monday morning; what was decided before stays what it was."""
    newer = pack_document()
    newer["clocks"]["handle"] = {"amount": 1, "unit": "urgent_hour"}
    by = policy_of(newer)
    assert by.version != default_policy().version

    after = case_after(opened_case(), Return(code="other", reason="no"), policy=by)

    assert after.city_version == by.version
    assert [turn.placed_by.city_version for turn in after.assignments] == [default_policy().version, by.version]
    assert after.filed_by is not None
    assert after.filed_by.city_version == default_policy().version


def test_decide_does_not_mutate_its_input() -> None:
    state = opened_case()
    before = state.model_dump_json()

    decide(state, build_request(state, Void(reason="x")), default_policy())
    receive_report(
        build_report("2"), nearby=CandidateIndex(), state_of={state.case_id: state}.__getitem__, policy=default_policy()
    )

    assert state.model_dump_json() == before
