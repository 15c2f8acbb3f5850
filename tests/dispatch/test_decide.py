"""Decides on actions of departments, inspectors and operators: finishing, rework, urging, voiding, refusals."""

import pytest

from paidan_contracts.actions import Inspect, Redispatch, Urge, Verify, Void
from paidan_contracts.cases import CaseFinished
from paidan_contracts.department_actions import Accept, Finish, Return
from paidan_dispatch.cases.decide import Progressed, Refused, decide
from paidan_dispatch.cases.refusals import unknown_case
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
)
from tests.dispatch.sample_pack import default_policy, pack_document, policy_of

PHOTO = "a" * 64 + ".jpg"


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
    assert "1 to 20" in refused.refusal.message
    assert "1 至 20" in refused.refusal.message_zh
    assert case_after(state, Finish(proof=(PHOTO,))).assignments[0].proof == (PHOTO,)


def test_the_event_of_a_finish_has_where_it_was_done_if_that_was_told() -> None:
    state = case_after(opened_case(), Accept())

    told, untold = (
        decide_action(state, action) for action in (Finish(latitude=36.65001, longitude=117.0), Finish(text="done"))
    )

    assert isinstance(told, Progressed)
    assert isinstance(untold, Progressed)
    [event] = told.events
    assert isinstance(event, CaseFinished)
    assert (event.latitude, event.longitude) == (36.65001, 117.0)
    assert b"titude" not in untold.events[0].model_dump_json(exclude_none=True, exclude={"state"}).encode()


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


def test_finishing_accepts_as_well() -> None:
    """At the time of finishing, so that an acceptance that came too late stays so."""
    in_time, late = (case_after(opened_case(), Finish(text="swept"), minutes=minute) for minute in (30, 31))

    assert (in_time.status, in_time.version) == ("inspecting", opened_case().version + 2)
    assert in_time.assignments[0].accepted_at == at_minute(30)
    assert [each.assignments[0].accept_overdue_at for each in (in_time, late)] == [None, at_minute(30)]


def test_pack_may_want_acceptance_before_finishing() -> None:
    pack = pack_document()
    pack["clocks"]["finish_without_accept"] = False
    strict = policy_of(pack)

    refused = decide_action(opened_case(), Finish(text="swept"), policy=strict)

    assert isinstance(refused, Refused)
    assert refused.refusal.code == "not_allowed_in_state"
    assert "accepted before" in refused.refusal.message
    assert "先签收" in refused.refusal.message_zh
    accepted = case_after(opened_case(), Accept(), minutes=1, policy=strict)
    assert case_after(accepted, Finish(), minutes=2, policy=strict).status == "inspecting"


@pytest.mark.parametrize("action", [Void(reason="a test call"), Redispatch(department="south", reason="their side")])
@pytest.mark.parametrize("minutes", [100, 400])
def test_accepted_case_may_be_voided_or_moved(action: Void | Redispatch, minutes: float) -> None:
    """Its limit is met or missed by then; work that was finished in time stays so."""
    at_work, done = case_after(opened_case(), Accept(), minutes=5), finished(minutes=50)

    left, moved = (case_after(each, action, minutes=minutes).assignments[0] for each in (at_work, done))

    assert (left.withdrawn_at, moved.withdrawn_at) == (at_minute(minutes), at_minute(minutes))
    assert left.overdue_at == (at_minute(360) if minutes > 360 else None)
    assert (moved.overdue_at, moved.limits[0].late) == (None, False)


@pytest.mark.parametrize("reason", ["", " ", "　\t"])
def test_failed_inspection_needs_a_reason(reason: str) -> None:
    result = decide_action(finished(), Inspect(passed=False, reason=reason), ActionContext(minutes=20))

    assert isinstance(result, Refused)
    assert (result.refusal.code, result.refusal.field) == ("reason_missing", "action.reason")
    assert "1 to 1000" in result.refusal.message
    assert "1 至 1000" in result.refusal.message_zh


def test_urging_is_counted_and_changes_nothing_else() -> None:
    state = case_after(opened_case(), Accept())

    after = case_after(state, Urge(reason="it smells"), minutes=50)

    assert after == state.model_copy(update={"version": state.version + 1, "urged": 1})


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
    for text in (result.refusal.message, result.refusal.message_zh):
        assert "2025-12-29" in text
        assert "2026-04-30" in text


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
