"""Forms of actions: schemas in both languages, filled from the city's pack, that refuse nothing that is applied."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from paidan_contracts.actions import Action, Inspect, Urge
from paidan_contracts.department_actions import Finish, Return
from paidan_contracts.emergency_actions import CITY_ACTION_KINDS
from paidan_contracts.reports import JoinedReport
from paidan_contracts.state import CaseState, Status
from paidan_dispatch.actions.form_texts import FIELD_TEXTS, VALUE_TEXTS
from paidan_dispatch.actions.forms import Schema, build_form
from paidan_dispatch.actions.permissions import ACTION_MODELS
from paidan_dispatch.api.reports import opener_of
from paidan_dispatch.cases.names import ACTION_NAMES
from tests.dispatch.action_table import STATES, case_in_status
from tests.dispatch.builders import build_report, opened_case
from tests.dispatch.random_histories import PHOTO
from tests.dispatch.sample_pack import default_policy
from tests.dispatch.test_permissions import IN_TIME, decisions, filled_forms, permissions

SCOPES = ("role:operator", "role:inspector", "role:caller", "department:north")


def form_of(state: CaseState, scope: str, kind: str, own_reports: tuple[JoinedReport, ...] = ()) -> Schema:
    own_report = own_reports[0].report_id if own_reports else None
    permission = permissions(state, scope, own_report=own_report)[kind]
    return build_form(permission, state, default_policy(), own_reports)


def is_valid(form: Schema, action: Action, **more: str) -> bool:
    content = action.model_dump(mode="json", exclude_defaults=True)
    return Draft202012Validator(form).is_valid({"action": {"kind": action.kind, **content}, **more})


def every_title(schema: Any) -> list[tuple[str, str, str, str]]:  # noqa: ANN401 - a part of a schema
    parts = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    own = [schema] if isinstance(schema, dict) and isinstance(schema.get("title"), str) else []
    names = [
        (each["title"], each["x-title-zh"], each.get("description", "-"), each.get("x-description-zh", "-"))
        for each in own
    ]
    return names + [name for part in parts for name in every_title(part)]


def choices(form: Schema, field: str) -> list[str]:
    return [each["const"] for each in form["properties"]["action"]["properties"][field].get("oneOf", ())]


@pytest.mark.parametrize("status", STATES)
def test_form_is_a_valid_schema_in_both_languages(status: Status) -> None:
    state = case_in_status(status)
    for scope in SCOPES:
        for permission in permissions(state, scope).values():
            form = build_form(permission, state, default_policy())

            Draft202012Validator.check_schema(form)
            for title, title_zh, description, description_zh in every_title(form):
                assert title
                assert title_zh
                assert (description == "-") == (description_zh == "-")


def test_every_field_and_kind_has_a_text_and_no_text_is_left_over() -> None:
    fields = {(kind, name) for kind, model in ACTION_MODELS.items() for name in model.model_fields if name != "kind"}
    used = {f"{kind}.{name}" if f"{kind}.{name}" in FIELD_TEXTS else name for kind, name in fields}

    assert used | {"occurred_at", "of_report"} == FIELD_TEXTS.keys()
    assert ACTION_NAMES.keys() == ACTION_MODELS.keys() | CITY_ACTION_KINDS
    for text in FIELD_TEXTS.values():
        for each in (text.title, text.description or text.title):
            assert any("\u4e00" <= letter <= "\u9fff" for letter in each.zh), each


@pytest.mark.parametrize("kind", ["return", "call_back", "verify", "inspect"])
def test_every_value_has_names(kind: str) -> None:
    """One without would be missing from the form, and could not be chosen."""
    contract = ACTION_MODELS[kind].model_json_schema()["properties"]
    for name, schema in contract.items():
        plain = next((each for each in schema.get("anyOf", ()) if each != {"type": "null"}), schema)
        values = plain.get("enum") or plain.get("x-extensible-enum")
        if values or plain["type"] == "boolean":
            assert list(VALUE_TEXTS[name]) == (values or [True, False]), name


@pytest.mark.parametrize("status", STATES)
def test_form_refuses_nothing_that_would_be_applied(status: Status) -> None:
    state, policy = case_in_status(status), default_policy()
    for scope in SCOPES:
        told = permissions(state, scope)
        decided = zip(filled_forms(state, policy), decisions(state, scope, policy, IN_TIME), strict=True)
        for action, (kind, refusal) in decided:
            if refusal is None:
                assert is_valid(build_form(told[kind], state, policy), action), (scope, action)


def test_form_asks_for_what_the_case_needs() -> None:
    state = opened_case(build_report(row_id="E0110-2"))
    finish = form_of(state, f"department:{state.department}", "finish")
    inspect = form_of(case_in_status("inspecting"), "role:inspector", "inspect")

    assert not is_valid(finish, Finish(text="done"))
    assert is_valid(finish, Finish(text="done", proof=(PHOTO,)))
    place = {"latitude": 36.65, "longitude": 117.0}
    assert is_valid(finish, Finish(proof=(PHOTO,), **place))
    for name, degrees in place.items():
        action = {"kind": "finish", "proof": [PHOTO], name: degrees}
        assert not Draft202012Validator(finish).is_valid({"action": action}), "one coordinate is no position"
    assert not is_valid(inspect, Inspect(passed=False))
    assert is_valid(inspect, Inspect(passed=False, reason="still there"))
    assert is_valid(inspect, Inspect(passed=True))
    assert not Draft202012Validator(inspect).is_valid({"action": {"kind": "inspect", "passed": True, "nonsense": 1}})


def test_departments_rows_and_return_reasons_are_those_of_the_city() -> None:
    city, state = default_policy().city, case_in_status("filed").model_copy(update={"class_code": "E0111"})

    assert choices(form_of(state, "role:operator", "assign"), "department") == list(city.departments)
    rows = choices(form_of(state, "role:operator", "file"), "row_id")
    assert (rows[0], set(rows)) == ("E0111-1", set(city.rows))
    returned = form_of(case_in_status("handling"), "department:north", "return")
    assert "not_our_duty" in choices(returned, "code")
    assert is_valid(returned, Return(code="other", reason="x"))


def test_form_of_an_action_that_is_not_allowed_offers_no_choice_of_the_city() -> None:
    """A catalogue of hundreds of rows would be sent for nothing."""
    state = case_in_status("closed")

    assert choices(form_of(state, "role:operator", "assign"), "department") == []
    assert choices(form_of(state, "role:operator", "file"), "row_id") == []
    assert choices(form_of(state, "role:operator", "return"), "code") != []


def test_callback_offers_the_reports_of_the_case() -> None:
    state = case_in_status("closed")

    assert choices(form_of(state, "role:caller", "call_back"), "report_id") == [state.opened_by]


def test_source_names_one_of_its_own_reports() -> None:
    state = case_in_status("handling")
    own = opener_of(state).report

    form = form_of(state, "source:hotline", "urge", (own,))

    [choice] = form["properties"]["of_report"]["oneOf"]
    assert (choice["const"], choice["title"]) == (state.opened_by, "2026-03-02 09:00 hotline")
    assert not is_valid(form, Urge(reason="it smells"))
    assert not is_valid(form, Urge(), of_report=build_report("2").report_id)
    assert is_valid(form, Urge(), of_report=state.opened_by)
