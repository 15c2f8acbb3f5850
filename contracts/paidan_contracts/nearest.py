"""Hints at the name that was probably meant, in English and in Chinese."""

from collections.abc import Collection
from difflib import get_close_matches
from typing import NamedTuple


class Hint(NamedTuple):
    """A hint in English and in Chinese, to be appended to what is wrong; empty if no name is near."""

    en: str
    zh: str


def nearest(word: str, known: Collection[str]) -> Hint:
    """Return a hint at the nearest of the known names, whatever the case and the blanks around the word."""
    by_folded = {name.casefold(): name for name in sorted(known)}
    found = get_close_matches(word.strip().casefold(), by_folded, n=1)
    if not found:
        return Hint("", "")
    name = by_folded[found[0]]
    return Hint(f" (did you mean {name}?)", f"（是否为 {name}？）")
