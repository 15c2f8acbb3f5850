"""Readers keep values that newer writers have; the guard of compatibility counts these additions, and no others."""

import json
from copy import deepcopy
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter, ValidationError

from paidan_contracts.actions import KNOWN_ACTION_KINDS, Action, ActionRequested, UnknownAction
from paidan_contracts.extensible import VALUES_KEYWORD
from paidan_contracts.schema_export.compatibility import breaking_changes
from paidan_contracts.schema_export.schemas import event_models, model_schema
from tests.contracts.test_examples import EXAMPLES

ACTIONS: TypeAdapter[Action] = TypeAdapter(Action)
EXTENSIBLE = [
    ("outcome.decided.v1/refused.json", ("result",)),
    ("outcome.decided.v1/refused.json", ("why", "code")),
    ("timer.due.v1/recorded.json", ("kind",)),
    ("case.overdue.v1/recorded.json", ("clock",)),
    ("case.clock_overdue.v1/recorded.json", ("state", "clocks", 0, "kind")),
    ("case.returned.v1/recorded.json", ("code",)),
    ("case.helper_answered.v1/recorded.json", ("role",)),
    ("case.helper_answered.v1/recorded.json", ("answer",)),
    ("order.changed.v1/recorded.json", ("because",)),
    ("order.withdrawn.v1/recorded.json", ("because",)),
    ("order.issued.v1/recorded.json", ("order", "role")),
    ("action.requested.v1/return.json", ("action", "code")),
]


def _example(name: str) -> tuple[str, dict[str, Any]]:
    kind, file = name.split("/")
    path = EXAMPLES / kind / file
    path = path if path.exists() else min((EXAMPLES / kind).glob("*.json"))
    example: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["value"]
    return kind, example


def _put(
    value: Any,  # noqa: ANN401  # part of a JSON document
    path: tuple[str | int, ...],
    new: object,
) -> None:
    for part in path[:-1]:
        value = value[part]
    value[path[-1]] = new


def _get(
    value: Any,  # noqa: ANN401  # likewise
    path: tuple[str | int, ...],
) -> object:
    for part in path:
        value = value[part]
    return value


@pytest.mark.parametrize(("name", "path"), EXTENSIBLE, ids=str)
def test_unknown_value_of_a_newer_writer_is_kept(name: str, path: tuple[str | int, ...]) -> None:
    kind, example = _example(name)
    if name.startswith("action.requested"):
        example["action"] = {"kind": "return", "code": "other", "reason": "a"}
    _put(example, path, "from_the_future")

    event = event_models()[kind].model_validate_json(json.dumps(example))

    assert _get(event.model_dump(mode="json"), path) == "from_the_future"
    assert list(Draft202012Validator(model_schema(event_models()[kind])).iter_errors(example)) == []


@pytest.mark.parametrize("value", ["", "Not A Code", "a\x00b", "x" * 64, 7, None])
def test_what_no_writer_would_send_is_refused(value: object) -> None:
    kind, example = _example("outcome.decided.v1/refused.json")
    example["result"] = value

    with pytest.raises(ValidationError):
        event_models()[kind].model_validate_json(json.dumps(example))


def test_action_of_unknown_kind_is_kept_as_it_is() -> None:
    _, example = _example("action.requested.v1/x.json")
    sent = {"kind": "whistle", "to": ["streets"], "because": {"urgent": True}}
    example["action"] = sent

    request = ActionRequested.model_validate_json(json.dumps(example))

    assert isinstance(request.action, UnknownAction)
    assert json.loads(request.model_dump_json())["action"] == sent


@pytest.mark.parametrize("kind", sorted(KNOWN_ACTION_KINDS))
def test_known_kind_is_never_taken_for_an_unknown_one(kind: str) -> None:
    body = json.dumps({"kind": kind, **dict.fromkeys(("reason", "text", "proof", "department", "rating"), "")})

    assert not isinstance(_validated_or_error(body), UnknownAction)
    if isinstance(error := _validated_or_error(body), ValidationError):
        assert error.errors()[0]["loc"][:2] == ("kind.known.v1", kind)


def _validated_or_error(body: str) -> Action | ValidationError:
    try:
        return ACTIONS.validate_json(body)
    except ValidationError as error:
        return error


@pytest.mark.parametrize("body", ["{}", "7", '{"kind": 7}', '{"kind": ["finish"]}', '{"kind": "No Kind"}'])
def test_what_has_no_kind_is_no_action(body: str) -> None:
    with pytest.raises(ValidationError):
        ACTIONS.validate_json(body)


def _schema(kind: str = "outcome.decided.v1") -> dict[str, Any]:
    return deepcopy(model_schema(event_models()[kind]))


def test_further_value_is_an_addition() -> None:
    newer = _schema()
    newer["properties"]["result"][VALUES_KEYWORD].append("deferred")

    assert breaking_changes(_schema(), newer) == []


def test_value_that_is_gone_is_breaking() -> None:
    newer = _schema()
    newer["properties"]["result"][VALUES_KEYWORD].remove("merged")

    assert breaking_changes(_schema(), newer)


def test_closing_an_extensible_enum_is_breaking() -> None:
    newer = _schema()
    newer["properties"]["result"] = {"type": "string", "enum": newer["properties"]["result"][VALUES_KEYWORD]}

    assert breaking_changes(_schema(), newer)


def test_further_value_of_a_closed_enum_is_breaking() -> None:
    newer = _schema("case.opened.v1")
    newer["$defs"]["CaseState"]["properties"]["status"]["enum"].append("archived")

    assert breaking_changes(_schema("case.opened.v1"), newer)


def test_further_kind_of_action_is_an_addition() -> None:
    older = _schema("answer.v1")
    older["properties"]["action"]["oneOf"].remove({"$ref": "#/$defs/Amend"})

    assert breaking_changes(older, _schema("answer.v1")) == []


def test_kind_of_action_that_is_gone_is_breaking() -> None:
    newer = _schema("answer.v1")
    newer["properties"]["action"]["oneOf"].remove({"$ref": "#/$defs/Finish"})

    assert breaking_changes(_schema("answer.v1"), newer)


def test_changed_action_is_breaking() -> None:
    newer = _schema("answer.v1")
    newer["$defs"]["Finish"]["required"] = ["text"]

    assert breaking_changes(_schema("answer.v1"), newer)
