"""Whatever field of an action or an answer: blanks are absent, numbers are text, and spellings are one."""

import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final, get_args

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from paidan_contracts.actions import Action, Answer, SupportedAction
from paidan_contracts.unsupported_actions import UnsupportedAction

CASE: Final = "tiny-" + "0" * 32
PHOTO: Final = "a" * 64 + ".jpg"
BLANKS: Final = ("", " ", "\t\n", "\u3000", "\u200b", "\u200b \ufeff", None)
FILLED: Final[dict[str, Any]] = {
    "verified": True, "passed": False, "row_id": "E0110-1", "department": "lamps", "reason": "why", "text": "done",
    "code": "other", "rating": "satisfied", "case_id": CASE, "action": {"kind": "accept"},
    "approved": True, "due_at": "2026-03-02T09:30:00Z", "step": 1,
    "unit": "squad", "confirmed": True,
}  # fmt: skip
ASSIGN: Final = {"kind": "assign", "reason": "a"}
CALL: Final = {"kind": "call_back"}
AMEND: Final = {"kind": "amend", "reason": "a"}
MODELS: Final[tuple[type[BaseModel], ...]] = (*get_args(SupportedAction), *get_args(UnsupportedAction), Answer)
ACTION: Final[TypeAdapter[Action]] = TypeAdapter(Action)


def fields() -> Iterator[tuple[type[BaseModel], str]]:
    for model in MODELS:
        yield from ((model, name) for name in model.model_fields if name not in ("kind", "action"))


def required_of(model: type[BaseModel]) -> dict[str, Any]:
    return {name: FILLED[name] for name, field in model.model_fields.items() if field.is_required()}


@pytest.mark.parametrize("blank", BLANKS, ids=repr)
@pytest.mark.parametrize(("model", "name"), list(fields()), ids=lambda each: getattr(each, "__name__", each))
def test_blank_is_as_if_absent(model: type[BaseModel], name: str, blank: str | None) -> None:
    raw = json.dumps(required_of(model) | {name: blank})
    if not model.model_fields[name].is_required():
        assert model.model_validate_json(raw) == model.model_validate(required_of(model))
        return

    with pytest.raises(ValidationError) as raised:
        model.model_validate_json(raw)
    [error] = raised.value.errors()

    assert (error["type"], error["loc"]) == ("missing", (name,))


@pytest.mark.parametrize(
    ("model", "name"),
    [each for each in fields() if each[1] in ("id", "reason", "text", "answer", "row_id")],
    ids=lambda each: getattr(each, "__name__", each),
)
def test_number_is_its_text(model: type[BaseModel], name: str) -> None:
    read = model.model_validate_json(json.dumps(required_of(model) | {name: 4711}))

    assert getattr(read, name) == "4711"


@pytest.mark.parametrize(
    ("spelt", "plain"),
    [
        ({"kind": "finish", "text": None, "proof": None}, {"kind": "finish"}),
        ({"kind": "finish", "proof": ""}, {"kind": "finish"}),
        ({"kind": "finish", "proof": [PHOTO + " ", None, "", PHOTO]}, {"kind": "finish", "proof": [PHOTO]}),
        (
            {"kind": "finish", "latitude": " 36.65", "longitude": "117"},
            {"kind": "finish", "latitude": 36.65, "longitude": 117.0},
        ),
        ({"kind": "finish", "latitude": "", "longitude": None}, {"kind": "finish"}),
        ({"kind": "finish", "text": " 已清 "}, {"kind": "finish", "text": " 已清 "}),
        (
            {"kind": "assign", "department": " lamps\n", "reason": "a"},
            {"kind": "assign", "department": "lamps", "reason": "a"},
        ),
        ({"kind": "file", "row_id": " E0110-1 "}, {"kind": "file", "row_id": "E0110-1"}),
        ({"kind": "return", "code": " Other ", "reason": "a"}, {"kind": "return", "code": "other", "reason": "a"}),
        ({"kind": "inspect", "passed": " TRUE "}, {"kind": "inspect", "passed": True}),
        ({"kind": "inspect", "passed": 1}, {"kind": "inspect", "passed": True}),
        (
            {"kind": "call_back", "rating": "Satisfied", "solved": "", "reasonable": None},
            {"kind": "call_back", "rating": "satisfied"},
        ),
        (
            {"kind": "amend", "reason": "a", "closed_at": "2026/3/2 9:30Z"},
            {"kind": "amend", "reason": "a", "closed_at": "2026-03-02T09:30:00Z"},
        ),
    ],
)
def test_spelling_of_other_systems_is_the_same_action(spelt: dict[str, Any], plain: dict[str, Any]) -> None:
    assert ACTION.validate_json(json.dumps(spelt)) == ACTION.validate_json(json.dumps(plain))


@pytest.mark.parametrize(
    ("action", "field", "kind"),
    [
        ({"kind": "finish", "proof": [7]}, "proof", "string_pattern_mismatch"),
        ({"kind": "finish", "proof": PHOTO}, "proof", "tuple_type"),
        ({"kind": "finish", "proof": [[PHOTO]]}, "proof", "string_type"),
        ({"kind": "finish", "text": True}, "text", "string_type"),
        ({"kind": "finish", "latitude": 36.65}, "longitude", "missing"),
        ({"kind": "finish", "latitude": " ", "longitude": 117.0}, "latitude", "missing"),
        ({"kind": "finish", "latitude": 90.1, "longitude": 117.0}, "latitude", "less_than_equal"),
        ({"kind": "finish", "latitude": 36.65, "longitude": -180.1}, "longitude", "greater_than_equal"),
        ({"kind": "finish", "latitude": math.nan, "longitude": 117.0}, "latitude", "finite_number"),
        ({"kind": "finish", "latitude": 36.65, "longitude": "here"}, "longitude", "float_parsing"),
        ({"kind": "inspect", "passed": 2}, "passed", "bool_parsing"),
        ({"kind": "inspect", "passed": "perhaps"}, "passed", "bool_parsing"),
        ({"kind": "call_back", "rating": "splendid"}, "rating", "literal_error"),
        ({"kind": "amend", "reason": "a", "closed_at": "2026-03-02T09:30:00"}, "closed_at", "timezone_aware"),
        ({"kind": "amend", "reason": "a", "closed_at": "1970-01-01T00:00:00Z"}, "closed_at", "greater_than_equal"),
    ],
)
def test_anything_else_is_refused_by_name(action: dict[str, Any], field: str, kind: str) -> None:
    with pytest.raises(ValidationError) as raised:
        ACTION.validate_json(json.dumps(action))
    first = raised.value.errors()[0]

    assert (first["type"], field in first["loc"]) == (kind, True)


@pytest.mark.parametrize(
    ("stated", "moment"),
    [
        ("2026-03-02T09:30:00+08:00", datetime(2026, 3, 2, 1, 30, tzinfo=UTC)),
        ("2026年3月2日 9:30", datetime(2026, 3, 2, 9, 30)),  # noqa: DTZ001 - it is the city's
        ("2026-03-01T24:00:00Z", datetime(2026, 3, 2, tzinfo=UTC)),
        (20260302093000, datetime(2026, 3, 2, 9, 30)),  # noqa: DTZ001
    ],
)
def test_time_of_an_answer_may_be_the_citys(stated: object, moment: datetime) -> None:
    raw = json.dumps({"case_id": f" {CASE} ", "id": 4711, "occurred_at": stated, "action": {"kind": "accept"}})

    answer = Answer.model_validate_json(raw)

    assert (answer.case_id, answer.id, answer.occurred_at) == (CASE, "4711", moment)


@pytest.mark.parametrize(
    "stated",
    ["1970-01-01T00:00:00Z", "1990-01-01T00:00:00", "2199-12-31T12:00:00", "2200-01-01T00:00:00Z", "9999-12-31T24:00"],
)
def test_time_of_no_calendar_is_refused(stated: str) -> None:
    with pytest.raises(ValidationError):
        Answer.model_validate({"case_id": CASE, "occurred_at": stated, "action": {"kind": "accept"}})
