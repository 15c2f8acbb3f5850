"""What a report leads to: a dispatched case, one that awaits verification, or one held for manual assignment."""

from typing import Any

import pytest

from paidan_contracts.actions import Verify
from paidan_contracts.case_event import CaseEvent
from paidan_contracts.cases import CaseDispatched
from paidan_contracts.reports import ReportReceived
from paidan_dispatch.cases.case_state import Provenance
from paidan_dispatch.cases.transitions.routing import route_or_hold
from tests.dispatch.builders import (
    ActionContext,
    at_minute,
    build_report,
    case_after,
    decide_action,
    dispatch_of,
    opened_case,
    receive_reports,
    types,
)
from tests.dispatch.sample_pack import default_policy, pack_document, policy_of


def test_report_is_dispatched_immediately() -> None:
    (step,) = receive_reports(build_report())

    assert types(step) == ["opened"]
    state = step.after
    assert (state.status, state.department, state.row_id) == ("dispatched", "north", "E0110-1")
    assert state.assignments[0].placed_by.rule == "streets"
    assert state.assignments[0].accept_by == at_minute(30)
    assert state.assignments[0].limits[0].due_at == at_minute(6 * 60), "four working hours, and lunch between them"


def test_the_opening_says_all_that_a_dispatch_of_its_own_would_say() -> None:
    (step,) = receive_reports(build_report(row_id="E0110-2"))
    policy, at = default_policy(), at_minute(0)
    cause = step.events[0].cause
    before = step.after.model_copy(update={"status": "filed", "department": None, "assignments": ()})

    told, alone = dispatch_of(step), route_or_hold(before, Provenance(cause, at, at, policy), policy)

    assert isinstance(alone, CaseDispatched)
    assert told is not None
    own_fields = alone.model_dump(exclude={*CaseEvent.model_fields, "type", "reason"})
    assert told.model_dump() == own_fields
    assert (step.after.version, alone.version) == (1, 2)
    assert step.after == alone.state.model_copy(update={"version": 1})


@pytest.mark.parametrize(
    "report",
    [
        pytest.param(build_report(class_code=None), id="held"),
        pytest.param(build_report(source="app"), id="to be verified"),
    ],
)
def test_an_opening_without_a_department_tells_no_dispatch(report: ReportReceived) -> None:
    (step,) = receive_reports(report)

    assert types(step)[0] == "opened"
    assert dispatch_of(step) is None


def test_the_receipt_names_the_pack() -> None:
    state = opened_case()

    assert state.filed_by is not None
    assert {state.city_version, state.filed_by.city_version} == {default_policy().version}
    assert state.filed_by.rule == "default_row"


def test_the_row_that_the_report_names_is_used() -> None:
    state = opened_case(build_report(row_id="E0110-2"))

    assert state.filed_by is not None
    assert (state.row_id, state.filed_by.rule) == ("E0110-2", "by_report")


@pytest.mark.parametrize("row_id", ["E0110-9", "E0111-1"])
def test_a_row_that_its_class_does_not_have_is_replaced_by_the_default(row_id: str) -> None:
    assert opened_case(build_report(row_id=row_id)).row_id == "E0110-1"


@pytest.mark.parametrize("class_code", [None, "E9999", "E0602"])
def test_unknown_class_never_refuses_a_report(class_code: str | None) -> None:
    """An operator can classify it; the resident cannot."""
    (step,) = receive_reports(build_report(class_code=class_code))

    assert types(step) == ["opened", "held"]
    state = step.after
    assert (state.status, state.filed_at, state.filed_by) == ("filed", None, None)
    assert state.held_because


@pytest.mark.parametrize(
    ("class_code", "place", "reason"),
    [
        ("E0505", {}, "缺少位置和所在区"),
        ("E0110", {}, "缺少位置和所在区"),
        ("E0505", {"latitude": 36.0, "longitude": 117.0}, "位置不在本市任何区内"),
        ("E0505", {"raw": {"x": 0, "y": 0, "crs": "wgs84"}}, "位置不在本市任何区内"),
        ("E0505", {"district": "3"}, "没有派遣规则适用"),
        ("E0601", {"district": "1"}, "缺少所在街道"),
    ],
    ids=["no position", "its department is the district's", "outside", "nobody's", "no rule", "no street"],
)
def test_unrouted_case_is_held_with_what_is_missing(class_code: str, place: dict[str, object], reason: str) -> None:
    pack = pack_document()
    pack["routing"][-1] = {"id": "rest", "classes": ["E0505", "C*"], "places": ["1", "2"], "lead": "roads"}
    pack["routing"].append({"id": "by-street", "classes": ["E06*"], "lead": "street:office"})

    (step,) = receive_reports(build_report(class_code=class_code, place=place), policy=policy_of(pack))

    assert types(step) == ["opened", "held"]
    assert step.after.held_because
    assert reason in step.after.held_because


def test_reports_past_the_calendars_end_are_held() -> None:
    """Nobody published next year's calendar: the case is held with that reason."""
    (step,) = receive_reports(build_report(minutes=60 * 24 * 60))

    assert types(step) == ["opened", "held"]
    assert "calendar" in str(step.after.held_because)


@pytest.mark.parametrize(
    ("more", "trusted"),
    [
        ({"source": "hotline"}, True),
        ({"source": "hotline", "verify_first": True}, False),
        ({"source": "app"}, False),
        ({"source": "camera", "confidence": 0.79}, False),
        ({"source": "camera", "confidence": 0.8}, True),
        ({"source": "camera"}, False),
        ({"source": "stranger"}, False),
    ],
)
def test_untrusted_report_awaits_verification(more: dict[str, Any], trusted: bool) -> None:
    assert opened_case(build_report(**more)).status == ("dispatched" if trusted else "received")


def test_surer_evidence_of_a_camera_confirms_the_case_that_awaits_verification() -> None:
    unsure = build_report("1", source="camera", confidence=0.6, verify_first=True)
    surer = build_report("2", minutes=0.2, source="camera", confidence=0.95)

    first, second = receive_reports(unsure, surer)

    assert first.after.status == "received"
    assert types(second) == ["merged", "filed", "dispatched"]


def test_verified_report_is_filed_by_its_row_and_routed() -> None:
    state = opened_case(build_report(source="app", row_id="E0110-2"))

    step = decide_action(state, Verify(verified=True), ActionContext(minutes=7))

    assert types(step) == ["filed", "dispatched"]
    after = case_after(state, Verify(verified=True), minutes=7)
    assert (after.row_id, after.filed_at, after.department) == ("E0110-2", at_minute(7), "roads")
    assert after.assignments[0].dispatched_at == at_minute(7)


def test_verified_report_of_unknown_class_is_held() -> None:
    step = decide_action(opened_case(build_report(source="app", class_code=None)), Verify(verified=True))

    assert types(step) == ["held"]


def test_report_that_is_not_verified_ends_with_a_reason() -> None:
    after = case_after(
        opened_case(build_report(source="app")), Verify(verified=False, reason="nothing there"), minutes=9
    )

    assert (after.status, after.ended_because, after.ended_at) == ("not_accepted", "nothing there", at_minute(9))


def test_a_trusted_report_that_joins_verifies_it() -> None:
    _, joined = receive_reports(build_report("1", source="app"), build_report("2", minutes=1))

    assert types(joined) == ["merged", "filed", "dispatched"]


def test_untrusted_duplicate_does_not_verify() -> None:
    _, joined = receive_reports(build_report("1", source="app"), build_report("2", source="app"))

    assert types(joined) == ["merged"]
    assert joined.after.status == "received"
