"""Masking costs in proportion to the text, whatever somebody writes to make it cost more."""

import sys
from types import FrameType
from typing import Final

import pytest

from paidan_contracts.pii_mask import mask

HOSTILE: Final = [
    *(
        "(",
        "1 ",
        "1(",
        "13 ",
        "13",
        "0531 ",
        "+8 ",
        "a@",
        "@a.a.a",
        "a.",
        "鲁a",
        "鲁 ",
        "微信",
        "wx",
        "qq 1",
        "一",
        "①",
    ),
    *("1.1,", "138 1234 567", "1\n2026-03-02", "电话1 1 1 1 1 1 1 1", "电表", "\u200b", "一 ", "6222 ", "110105 "),
    *("转8", "\x1b", "*", "1*"),
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_cost_is_linear_in_the_text(piece: str) -> None:
    """Were a pattern quadratic, the long text would take minutes: one of 4,000 brackets once took 0.1 s."""
    short = (piece * 4000)[:4000]

    once, twice = count_calls(short), count_calls(short * 2)

    assert twice <= 2.2 * once + 200
    mask(short * 10)


def count_calls(text: str) -> int:
    """Return how many functions are called, of Python and C, while a text is masked."""
    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        mask(text, reporter_terms=["王敏", "13912345678", "西街1号"])
    finally:
        sys.setprofile(before)
    return calls
