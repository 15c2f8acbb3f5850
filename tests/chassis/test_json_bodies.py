"""A field that is stated twice is found wherever it stands, and a body without one is never refused for it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from paidan_chassis.edge import problems
from paidan_chassis.json_bodies import DUPLICATE_KEY, find_duplicate_key, read_json


class Part(BaseModel):
    """An object inside another."""

    x: str | None = None
    parts: tuple["Part", ...] = ()


class Body(BaseModel):
    """A body, which ignores what it does not know."""

    name: str = ""
    x: str = ""
    part: Part | None = None
    others: dict[str, Any] = {}
    unstated: Part = Part(x="its default counts as nothing that was stated")


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (b'{"name":"a","name":"b"}', "name"),
        (b'{"name": "a", "name": "a"}', "name"),
        (b'{"name" :"a", "name":"b"}', "name"),
        (b'{"name"\n:"a","name"\r\t:"b"}', "name"),
        (b'\xef\xbb\xbf{"name":"a","n\\u0061me":"b"}', "name"),
        (b'{"part":{"x":"1"},"x":"a","part":{"x":"2"}}', "part"),
        (b'{"part":{"x":"1","x":null}}', "part.x"),
        (b'{"part":{"parts":[{"x":"1"},{"x":"1","x":"2"}]}}', "part.parts.1.x"),
        (b'{"others":{"a":[{"b":{"c":1,"c":2}}]}}', "others.a.0.b.c"),
        (b'{"vendor":1,"vendor":2}', "vendor"),
        (b'{"vendor":{"a":NaN,"a":1e999}}', "vendor.a"),
        (b'{"v":' + b"1" * 4000 + b',"v":2}', "v"),
        ('{"姓名":1,"姓名":2}'.encode(), "姓名"),
        (b'{"a\\u0000":1,"a\\u0000":2}', "?"),
    ],
)
def test_field_that_is_stated_twice_is_named(raw: bytes, field: str) -> None:
    with pytest.raises(ValidationError) as raised:
        read_json(Body, raw)

    problem = problems.from_validation_errors(raised.value.errors(include_url=False, include_input=False))
    assert (problem.status, problem.code, problem.field) == (422, DUPLICATE_KEY, field)
    assert "twice" in problem.message
    assert "重复" in problem.message_zh


@pytest.mark.parametrize(
    "raw",
    [
        b"{}",
        b'{"x":"1","part":{"x":"1","parts":[{"x":"1"},{"x":"1"}]}}',
        b'{"name":"he said \\":\\" and \\"name\\":","x":"\\"x\\":"}',
        b'{"name" : "a : b", "x":"name :"}',
        b'{"vendor":{"x":1},"others":{"x":{"x":1}}}',
    ],
)
def test_body_without_one_is_read(raw: bytes) -> None:
    assert read_json(Body, raw) == Body.model_validate_json(raw)


NAMES = st.sampled_from(["name", "x", "part", "others", '":', "é", "a b :"])
OBJECTS = st.recursive(
    st.sampled_from(['"a"', '"\\":"', "null", '" :"']),
    lambda value: st.tuples(
        st.lists(st.tuples(NAMES, value), max_size=4), st.sampled_from([":", " :", " : ", "\n:"])
    ).map(lambda drawn: "{" + ",".join(json.dumps(name) + drawn[1] + text for name, text in drawn[0]) + "}"),
    max_leaves=12,
)


def has_duplicate(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Read an object, or raise for a name that it has twice."""
    if len({name for name, _ in pairs}) < len(pairs):
        raise LookupError
    return dict(pairs)


class Loose(BaseModel, extra="allow"):
    """Any object, the parts of which are objects too where they can be."""

    part: "Loose | Any" = None
    others: Any = None


@given(OBJECTS.filter(lambda text: text.startswith("{")))
def test_those_are_refused_that_have_one_and_no_others(text: str) -> None:
    raw = text.encode()
    try:
        json.loads(text, object_pairs_hook=has_duplicate)
        expected = False
    except LookupError:
        expected = True

    try:
        read_json(Loose, raw)
        refused = False
    except ValidationError:
        refused = True

    assert (find_duplicate_key(raw) is not None) == refused == expected


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b"[" * 100_000, b'"a"', b"1"])
def test_what_is_no_object_is_left_to_the_model(raw: bytes) -> None:
    assert find_duplicate_key(raw) is None
