"""Cursors come back from clients, so any text must be expected."""

import base64
from datetime import date
from typing import Annotated, NamedTuple

import pytest
from pydantic import Field

from paidan_chassis.edge.cursors import CursorCodec, InvalidCursor


class Key(NamedTuple):
    day: date
    name: Annotated[str, Field(pattern="^[a-z]+$")]


CURSORS = CursorCodec(Key)


def test_cursor_decodes_to_its_key() -> None:
    key = Key(date(2026, 3, 2), "lamps")

    assert CURSORS.decode(CURSORS.encode(key)) == key


@pytest.mark.parametrize(
    "content", [b"", b"\xff", b"[]", b'["2026-99-02", "lamps"]', b'["2026-03-02", "\\u0000"]', b'["2026-03-02"]']
)
def test_another_key_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidCursor):
        CURSORS.decode(base64.urlsafe_b64encode(content).decode())


@pytest.mark.parametrize("cursor", ["!", "泉", "AAA"])
def test_text_that_is_not_base64_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        CURSORS.decode(cursor)
