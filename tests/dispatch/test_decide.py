"""The life of a case, told as stories: what departments, operators and inspectors do, and what comes of it."""

import pytest

from paidan_contracts.actions import Accept, Assign, File, Finish, Inspect, Redispatch, Return, Urge, Verify, Void
from paidan_dispatch.cases.decide import (
    Moved,
    Refused,
    decide,
    take_in,
    unknown_case,
)
from paidan_dispatch.matching.match import Nearby
from tests.dispatch.builders import (
    MONDAY,
    How,
    at,
    finished,
    judged,
    moved,
    opened,
    report,
    request,
    taken,
    types,
)
from tests.dispatch.sample_pack import bylaws, bylaws_of, document

PHOTO = "a" * 64 + ".jpg"


def test_a_returned_case_goes_to_the_next_rule_that_names_another() -> None:
    state = opened()

    step = judged(state, Return(code="not_our_duty", reason="a pipe"), How(minutes=3))

    assert types(step) == ["returned", "dispatched"]
    after = step.after  # type: ignore[union-attr] # checked by types()
    assert (after.hops, after.department, after.status) == (1, "roads", "dispatched")
    first, second = after.assignments
    assert (first.returned_at, first.return_code) == (at(3), "not_our_duty")
    assert (second.number, second.placed_by.rule, second.dispatched_at) == (2, "rest", at(3))
    assert second.order_id != first.order_id


def test_nobody_acts_when_a_rule_does() -> None:
    step = judged(opened(), Return(code="other", reason="no"))

    assert isinstance(step, Moved)
    assert [event.actor.id if event.actor else None for event in step.events] == ["north", None]
    assert len({event.cause for event in step.events}) == 1


def test_returned_twice_it_waits_for_one_to_be_appointed() -> None:
    state = moved(opened(), Return(code="other", reason="no"))

    step = judged(state, Return(code="other", reason="nor us"))

    assert types(step) == ["returned", "held"]
    assert "returned 2 times" in str(step.after.held_because)  # type: ignore[union-attr]
    assert step.after.department == "roads", "who had it last"  # type: ignore[union-attr]


def test_with_nobody_left_it_waits_at_the_desk() -> None:
    step = judged(opened(report(class_code="E0601")), Return(code="other", reason="no"))

    assert types(step) == ["returned", "held"]


def test_by_hand_it_may_go_to_whoever_returned_it() -> None:
    state = opened(report(class_code="E0601"))
    held = moved(state, Return(code="other", reason="no"))

    after = moved(held, Assign(department="roads", reason="it is yours"), minutes=4)

    assert (after.department, after.held_because, len(after.assignments)) == ("roads", None, 2)
    assert after.assignments[1].placed_by.rule == "by_hand"


@pytest.mark.parametrize("action", [Assign(department="fire", reason="x"), Redispatch(department="fire", reason="x")])
def test_a_department_that_nobody_knows_is_refused(action: Assign | Redispatch) -> None:
    state = opened(report(class_code=None)) if isinstance(action, Assign) else opened()

    result = judged(state, action)

    assert isinstance(result, Refused)
    assert (result.why.code, result.why.field) == ("unknown_department", "action.department")


def test_redispatch_takes_the_order_from_one_and_gives_it_to_another() -> None:
    after = moved(opened(), Redispatch(department="south", reason="their side"), minutes=8)

    first, second = after.assignments
    assert (first.withdrawn_at, second.department, second.dispatched_at) == (at(8), "south", at(8))
    assert second.limits[0].due_at == at(6 * 60 + 8), "another department's time begins anew"


def test_redispatch_to_who_has_it_is_refused() -> None:
    assert isinstance(judged(opened(), Redispatch(department="north", reason="again")), Refused)


def test_filing_a_classless_case_names_its_class_and_sends_it_on() -> None:
    state = opened(report(class_code=None))

    after = moved(state, File(row_id="E0110-2"), minutes=2)

    assert (after.class_code, after.row_id, after.department, after.held_because) == (
        "E0110",
        "E0110-2",
        "roads",
        None,
    )
    assert after.filed_by is not None
    assert after.filed_by.rule == "by_hand"


def test_a_row_that_nobody_knows_is_refused() -> None:
    result = judged(opened(), File(row_id="E0110-9"))

    assert isinstance(result, Refused)
    assert (result.why.code, result.why.field) == ("unknown_row", "action.row_id")


def test_filing_anew_counts_the_other_limit_from_where_the_first_began() -> None:
    state = moved(opened(), Accept(), minutes=5)

    after = moved(state, File(row_id="E0111-1"), minutes=100)

    (limit,) = after.assignments[0].limits
    assert (after.class_code, after.status, after.department) == ("E0111", "handling", "north")
    assert (limit.number, limit.began_at, limit.due_at) == (2, MONDAY, at(7 * 24 * 60)), "five working days"


def test_a_finish_at_the_very_end_is_in_time() -> None:
    state = moved(opened(), Accept(), minutes=5)

    on_time, late = moved(state, Finish(), minutes=360), moved(state, Finish(), minutes=360.001)

    assert [each.assignments[0].limits[0].late for each in (on_time, late)] == [False, True]
    assert on_time.assignments[0].overdue_at is None
    assert late.assignments[0].overdue_at == at(360)


def test_without_a_limit_nothing_is_late() -> None:
    state = moved(opened(report(class_code="E0505")), Accept(), minutes=1)

    assert moved(state, Finish(), minutes=99_999).assignments[0].limits[0].late is None


def test_accepting_late_is_kept() -> None:
    in_time, late = moved(opened(), Accept(), minutes=30), moved(opened(), Accept(), minutes=31)

    assert in_time.assignments[0].accept_overdue_at is None
    assert late.assignments[0].accept_overdue_at == at(30)


def test_a_row_that_asks_for_a_photo_is_not_finished_without() -> None:
    state = moved(opened(report(row_id="E0110-2")), Accept())

    refused = judged(state, Finish(text="done"))

    assert isinstance(refused, Refused)
    assert refused.why.code == "proof_missing"
    assert moved(state, Finish(proof=(PHOTO,))).assignments[0].proof == (PHOTO,)


def test_rework_keeps_the_deadline_and_the_last_finish_counts() -> None:
    state = finished(minutes=10)

    again = moved(state, Inspect(passed=False, reason="still there"), minutes=20)
    done = moved(again, Finish(), minutes=361)

    (limit,) = done.assignments[0].limits
    assert (limit.began_at, limit.due_at, limit.finished_at, limit.late) == (MONDAY, at(360), at(361), True)
    assert (done.round, done.assignments[0].reworks) == (2, 1)


def test_urging_is_counted_and_changes_nothing_else() -> None:
    state = moved(opened(), Accept())

    after = moved(state, Urge(reason="it smells"), minutes=50)

    assert after == state.model_copy(update={"version": state.version + 1, "urged": 1})


@pytest.mark.parametrize(
    "action", [Void(reason=" "), Return(code="other", reason="\t"), Redispatch(department="south", reason="　")]
)
def test_a_blank_reason_is_none(action: Void | Return | Redispatch) -> None:
    result = judged(opened(), action)

    assert isinstance(result, Refused)
    assert (result.why.code, result.why.field) == ("reason_missing", "action.reason")


def test_not_accepting_needs_a_reason() -> None:
    result = judged(opened(report(source="app")), Verify(verified=False))

    assert isinstance(result, Refused)
    assert result.why.code == "reason_missing"


def test_voiding_ends_the_departments_turn() -> None:
    after = moved(opened(), Void(reason="a test call"), minutes=6)

    assert (after.status, after.ended_because, after.assignments[0].withdrawn_at) == (
        "voided",
        "a test call",
        at(6),
    )


def test_an_unknown_case_is_refused_by_name() -> None:
    refused = unknown_case(request(opened(), Accept()))

    assert refused.why.code == "unknown_case"
    assert opened().case_id in refused.why.message


def test_where_a_limit_cannot_be_counted_out_the_action_is_refused() -> None:
    result = judged(opened(), Redispatch(department="south", reason="x"), How(minutes=60 * 24 * 60))

    assert isinstance(result, Refused)
    assert result.why.code == "calendar_ended"


@pytest.mark.parametrize("action", [Void(reason="cancelled"), Verify(verified=False, reason="not ours")])
def test_a_merged_report_does_not_end_the_case_of_another(action: Void | Verify) -> None:
    source = "app" if isinstance(action, Verify) else "hotline"
    _, joined = taken(report("1", source=source), report("2", source=source))
    assert isinstance(joined, Moved)
    twin = report("2", source=source).report_id

    result = judged(joined.after, action, How(of_report=twin))

    assert isinstance(result, Refused)
    assert result.why.code == "merged_report"
    assert isinstance(judged(joined.after, action, How(of_report=joined.after.opened_by)), Moved)


def test_each_step_names_the_pack_it_was_decided_by() -> None:
    """A city changes its rules on a Monday morning; what was decided before stays what it was."""
    newer = document()
    newer["clocks"]["handle"] = {"amount": 1, "unit": "urgent_hour"}
    by = bylaws_of(newer)
    assert by.version != bylaws().version

    after = moved(opened(), Return(code="other", reason="no"), by=by)

    assert after.city_version == by.version
    assert [turn.placed_by.city_version for turn in after.assignments] == [bylaws().version, by.version]
    assert after.filed_by is not None
    assert after.filed_by.city_version == bylaws().version


def test_deciding_changes_nothing_that_was_given() -> None:
    state = opened()
    before = state.model_dump_json()

    decide(state, request(state, Void(reason="x")), bylaws())
    take_in(report("2"), nearby=Nearby(), case_of={state.case_id: state}.__getitem__, bylaws=bylaws())

    assert state.model_dump_json() == before
