"""An unknown field of a body is answered with the fields that are known there, and with the nearest of them."""

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from paidan_chassis.edge.middleware import parse_body
from paidan_chassis.edge.problems import Problem


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Position(_Strict):
    x: float
    y: float


class _Move(_Strict):
    kind: Literal["move"] = "move"
    to: str


class _Stop(_Strict):
    kind: Literal["stop"] = "stop"
    reason: str | None = None


class _Body(_Strict):
    text: str
    position: _Position | None = None
    stops: list[_Position] = []
    action: Annotated[_Move | _Stop, Field(discriminator="kind")] | None = None
    owner: str | None = Field(default=None, alias="owned_by")


@pytest.mark.parametrize(
    ("raw", "field", "known", "meant"),
    [
        (b'{"text": "a", "txt": "b"}', "txt", "action, owned_by, position, stops, text", "text"),
        (b'{"text": "a", "Position": null}', "Position", "action, owned_by, position, stops, text", "position"),
        (b'{"text": "a", "owner": "b"}', "owner", "action, owned_by, position, stops, text", "owned_by"),
        (b'{"text": "a", "zzzz": 1}', "zzzz", "action, owned_by, position, stops, text", None),
        (b'{"text": "a", "position": {"x": 1, "y": 2, "X": 3}}', "position.X", "x, y", "x"),
        (b'{"text": "a", "stops": [{"x": 1, "y": 2, "lat": 3}]}', "stops.0.lat", "x, y", None),
        (
            b'{"text": "a", "action": {"kind": "stop", "reasons": "b"}}',
            "action.stop.reasons",
            "kind, reason",
            "reason",
        ),
    ],
)
def test_unknown_fields_are_answered_with_the_known_ones(raw: bytes, field: str, known: str, meant: str | None) -> None:
    with pytest.raises(Problem) as raised:
        parse_body(_Body, raw)
    assert raised.value.field == field
    hint = (f" (did you mean {meant}?)", f"（是否为 {meant}？）") if meant else ("", "")
    assert raised.value.message.endswith(f"; known: {known}{hint[0]}")
    assert raised.value.message_zh == f"不允许的字段；可用字段：{known.replace(', ', '、')}{hint[1]}"


@pytest.mark.parametrize(
    ("kind", "hint", "hint_zh"),
    [
        ("stpo", " (did you mean stop?)", "（是否为 stop？）"),
        ("Move", " (did you mean move?)", "（是否为 move？）"),
        ("zz", "", ""),
    ],
)
def test_unknown_kind_is_answered_with_the_nearest(kind: str, hint: str, hint_zh: str) -> None:
    with pytest.raises(Problem) as raised:
        parse_body(_Body, f'{{"text": "a", "action": {{"kind": "{kind}"}}}}'.encode())
    assert raised.value.field == "action.kind"
    assert raised.value.message == f"there is no such kind; there are: move, stop{hint}"
    assert raised.value.message_zh == f"没有该类别 kind；可用的有：move、stop{hint_zh}"


def test_missing_kind_names_its_field() -> None:
    with pytest.raises(Problem) as raised:
        parse_body(_Body, b'{"text": "a", "action": {}}')
    assert (raised.value.field, raised.value.message) == ("action.kind", "its kind is missing")


def test_other_mistakes_beside_it_are_answered_as_ever() -> None:
    with pytest.raises(Problem) as raised:
        parse_body(_Body, b'{"txt": "b"}')
    assert (raised.value.field, raised.value.message_zh) == ("text", "缺少必填项")
    assert [each.field for each in raised.value.more] == ["txt"]
