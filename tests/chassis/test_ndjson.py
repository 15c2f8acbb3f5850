"""Bodies of many lines: split as they arrive, counted before they are read to the end."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paidan_chassis.edge import ndjson
from paidan_chassis.edge.problems import Problem


async def chunks_of(raw: bytes, size: int) -> AsyncIterator[bytes]:
    """Yield a body in pieces."""
    for start in range(0, len(raw), size):
        yield raw[start : start + size]


@given(st.lists(st.sampled_from([b"a", b"bb\r", b"", b" "]), max_size=12), st.integers(1, 7), st.booleans())
async def test_lines_are_the_same_however_they_arrive(lines: list[bytes], size: int, ends: bool) -> None:
    raw = b"\n".join(lines) + (b"\n" if ends else b"")

    found = await ndjson.split_lines(chunks_of(raw, size), max_lines=20)

    assert found == [(number, line) for number, line in enumerate(raw.split(b"\n"), 1) if line.strip()]


async def test_blank_lines_do_not_count() -> None:
    assert await ndjson.split_lines(chunks_of(b"\n \n" * 5000 + b"1", 4096), max_lines=1) == [(10_001, b"1")]


async def test_too_many_lines_are_refused_before_the_body_is_read() -> None:
    """20 MB of two bytes a line would otherwise become ten million objects."""
    received = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal received
        while True:
            received += 1
            yield b"1\n" * 1000

    with pytest.raises(Problem) as refusal:
        await ndjson.split_lines(endless(), max_lines=5000)

    assert (refusal.value.status, received <= 11) == (422, True)
    assert "5000" in refusal.value.message
    assert "5000" in refusal.value.message_zh


async def test_a_byte_order_mark_is_ignored_before_the_first_line_only() -> None:
    found = await ndjson.split_lines(chunks_of(b"\xef\xbb\xbf{}\n\xef\xbb\xbf[]", 1), max_lines=5)

    assert found == [(1, b"{}"), (2, b"\xef\xbb\xbf[]")]
