"""Ids that a spreadsheet has rounded, so that several records share one. Pure."""

import re
from collections.abc import Iterable
from typing import Final

_SCIENTIFIC: Final = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?[eE][+-]?[0-9]+")
_EXACT_DIGITS: Final = 15
"""A spreadsheet keeps as many digits of a number, and writes zeros for the rest."""


def is_scientific(ref: str) -> bool:
    """Return whether an id is a number as a spreadsheet shows long ones: ``1.52359E+11``."""
    return _SCIENTIFIC.fullmatch(ref) is not None


def zero_filled(refs: Iterable[str]) -> frozenset[str]:
    """Return the ids with more digits than a spreadsheet keeps, if all of them end in zeros from there on.

    One alone proves nothing: it may really end so.
    """
    long_numbers = {ref for ref in refs if ref.isascii() and ref.isdigit() and len(ref) > _EXACT_DIGITS}
    filled = {ref for ref in long_numbers if not ref[_EXACT_DIGITS:].strip("0")}
    return frozenset(filled) if len(filled) > 1 and filled == long_numbers else frozenset()
