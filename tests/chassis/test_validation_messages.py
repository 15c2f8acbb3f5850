"""Pydantic's errors are as full in Chinese as in English: kinds, limits and permitted values."""

import re
from datetime import date
from typing import Annotated, Any, Literal

import pytest
from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError

from paidan_chassis.edge.validation_messages import describe
from paidan_contracts.validation_zh import describe_in_chinese


@pytest.mark.parametrize(
    ("type_", "value", "told"),
    [
        (Annotated[str, Field(max_length=7)], "x" * 8, "7"),
        (Annotated[str, Field(min_length=2)], "", "2"),
        (Annotated[list[int], Field(max_length=3)], [1] * 4, "3"),
        (Annotated[int, Field(ge=5)], 1, "5"),
        (Annotated[int, Field(gt=5)], 1, "5"),
        (Annotated[float, Field(lt=6.5)], 9, "6.5"),
        (Annotated[float, Field(le=6.5)], 9, "6.5"),
        (Annotated[str, Field(pattern="^a+$")], "b", "^a+$"),
        (Literal["red", "green"], "blue", "green"),
        (int, "x", "整数"),
        (bool, "perhaps", "true"),
        (AwareDatetime, "2026-01-01T00:00:00", "时区"),
        (AwareDatetime, "yesterday", "2026-03-02T08:00:00"),
        (date, "soon", "2026-03-02"),
        (dict[str, int], 1, "对象"),
        (list[int], 1, "列表"),
    ],
)
def test_error_names_its_limit_in_chinese_as_in_english(type_: Any, value: object, told: str) -> None:  # noqa: ANN401 - a type
    with pytest.raises(ValidationError) as raised:
        TypeAdapter(type_).validate_python(value)

    [error] = raised.value.errors(include_url=False, include_input=False)
    mistake = describe(error)

    assert told in mistake.message_zh
    assert "{" not in mistake.message_zh
    numbers = re.findall(r"\d+(?:\.\d+)?", mistake.message)
    assert all(number in mistake.message_zh for number in numbers), mistake
    assert describe_in_chinese(error["type"], error.get("ctx", {})) == mistake.message_zh, (
        "the contracts' table differs"
    )


def test_error_without_its_context_is_told_without_its_limit() -> None:
    mistake = describe({"type": "string_too_long", "loc": ("a",), "msg": "String too long"})

    assert (mistake.field, mistake.message_zh) == ("a", "文字过长")
