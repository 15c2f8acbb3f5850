"""Forms are drawn from dispatch's own schemas and read back into bodies that it takes; who is to be called."""

from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator

from paidan_cockpit.pages.action_forms import parse_forms, request_body
from paidan_cockpit.pages.calls import CallableReport, reports_to_call, texts_by_report
from paidan_cockpit.pages.case_record import CaseRecord
from paidan_contracts.case_event import CaseEvent, Cause
from paidan_contracts.cases import CaseMerged
from paidan_contracts.reports import JoinedReport
from paidan_contracts.state import CaseState, Status
from paidan_dispatch.actions.forms import build_form
from tests.dispatch.action_table import case_in_status
from tests.dispatch.sample_pack import default_policy
from tests.dispatch.test_permissions import permissions
from tests.scoring.case_histories import START, new_case

PHOTO: Final = "a" * 64 + ".jpg"


def answer_of_dispatch(status: Status, scope: str, kind: str) -> dict[str, Any]:
    """Return what dispatch answers of one kind of action."""
    state = case_in_status(status)
    schema = build_form(permissions(state, scope)[kind], state, default_policy())
    action = {"kind": kind, "names": {"zh": "办理", "en": "Do"}, "allowed": True, "why": None, "body_schema": schema}
    return {"actions": [action]}


@pytest.mark.parametrize(
    ("status", "scope", "kind", "filled", "photos"),
    [
        ("handling", "department:north", "finish", {"action.text": "done", "occurred_at": ""}, [PHOTO]),
        (
            "handling",
            "department:north",
            "finish",
            {"action.latitude": "36.65001", "action.longitude": "117.00000", "occurred_at": "2026-03-02T10:00:00Z"},
            [PHOTO],
        ),
        ("handling", "department:north", "return", {"action.code": "other", "action.reason": "not ours"}, []),
        ("inspecting", "role:inspector", "inspect", {"action.passed": "false", "action.reason": "dirty"}, [PHOTO]),
        ("closed", "role:caller", "call_back", {"action.rating": "satisfied", "action.solved": "partly"}, []),
        ("closed", "role:caller", "call_back", {"action.rating": "no_answer", "action.reasonable": "true"}, []),
    ],
)
def test_a_filled_form_is_a_body_that_dispatch_takes(
    status: Status, scope: str, kind: str, filled: dict[str, str], photos: list[str]
) -> None:
    answer = answer_of_dispatch(status, scope, kind)

    for language in ("zh", "en"):
        [form] = parse_forms(answer, language)
        Draft202012Validator(answer["actions"][0]["body_schema"]).validate(request_body(form, filled, photos))
        assert all(each.title and each.title != each.name.rpartition(".")[2] for each in form.fields)


def test_what_dispatch_does_not_support_yet_is_not_offered_as_something_forbidden() -> None:
    answer = answer_of_dispatch("handling", "department:north", "finish")
    [finish] = answer["actions"]
    refused = {"code": "not_allowed_in_state", "message": "no", "message_zh": "不"}
    other = finish | {"kind": "accept", "allowed": False, "why": refused}
    unsupported = finish | {"kind": "appeal", "allowed": False, "why": refused | {"code": "not_supported_yet"}}

    forms = parse_forms({"actions": [finish, other, unsupported]}, "en")

    assert [each.kind for each in forms] == ["finish", "accept"]


def test_where_it_was_done_is_no_field_to_fill_in_and_a_number_in_the_body() -> None:
    [form] = parse_forms(answer_of_dispatch("handling", "department:north", "finish"), "en")
    [call] = parse_forms(answer_of_dispatch("closed", "role:caller", "call_back"), "en")

    bodies = [
        request_body(form, {"action.latitude": each, "action.longitude": ""}, [])["action"]
        for each in ("-36.65001", "nan", "here")
    ]

    assert (form.takes_position, call.takes_position) == (True, False)
    assert [each.name for each in form.drawn_fields] == ["action.text", "action.proof"]
    assert bodies == [{"kind": "finish", "latitude": each} for each in (-36.65001, "nan", "here")]


def test_position_of_a_problem_is_filled_in_and_never_that_of_the_device() -> None:
    [form] = parse_forms(answer_of_dispatch("handling", "role:operator", "correct"), "en")

    assert not form.takes_position
    assert {"action.latitude", "action.longitude", "action.row_id"} <= {each.name for each in form.drawn_fields}
    body = request_body(form, {"action.latitude": "36.65", "action.longitude": "117.0", "action.reason": "x"}, [])
    assert body["action"] == {"kind": "correct", "latitude": 36.65, "longitude": 117.0, "reason": "x"}


def test_a_call_offers_the_results_of_the_contract() -> None:
    [form] = parse_forms(answer_of_dispatch("closed", "role:caller", "call_back"), "zh")
    texts = {each.name: [text for _, text in each.choices] for each in form.fields}

    assert texts["action.rating"] == ["满意", "基本满意", "不满意", "未评价"]
    assert texts["action.solved"] == ["已解决", "部分解决", "未解决"]


def test_who_waits_is_called_and_confidential_words_stay_in_the_vault() -> None:
    state = new_case(1, pack="a" * 64, text="masked", status="closed")
    joined = [
        JoinedReport(report_id=f"0000000{n}-0000-5000-8000-000000000000", source="photo", channel="photo",
                     text=f"words {n}", recorded_at=START, confidential=n == 2)
        for n in (1, 2)
    ]  # fmt: skip
    waiting = state.model_copy(update={"joined": joined, "callbacks_awaited": (joined[1].report_id, state.opened_by)})

    record = record_of(waiting)
    assert [each.report_id for each in reports_to_call(record)] == [joined[1].report_id, state.opened_by]
    assert [each.report_id for each in reports_to_call(record_of(state))] == [state.opened_by]
    words = texts_by_report(record)
    assert [words[each] for each in (state.opened_by, *(each.report_id for each in joined))] == [
        "masked",
        "words 1",
        "",
    ]


def test_who_waits_is_called_though_the_state_has_newer_reports_alone() -> None:
    told, untold = (f"0000000{n}-0000-5000-8000-000000000000" for n in (1, 2))
    state = new_case(1, pack="a" * 64, text="masked", status="closed", callbacks_awaited=(told, untold))
    report = JoinedReport(report_id=told, source="photo", channel="photo", text="words", recorded_at=START)
    merged = CaseMerged(
        case_id=state.case_id, version=2, cause=Cause(kind="report", id=told), state=state, report_id=told,
        report=report, occurred_at=START, recorded_at=START,
    )  # fmt: skip
    record = record_of(state, merged)

    assert reports_to_call(record) == [CallableReport(told, "photo", START), CallableReport(untold)]
    assert texts_by_report(record) == {state.opened_by: "masked", told: "words", untold: None}


def record_of(state: CaseState, *events: CaseEvent) -> CaseRecord:
    """Return a case as dispatch shows it."""
    return CaseRecord(state, list(events), [], chain_holds=True, unknown_steps=0)
