"""Patterns of LIKE for codes of places and classes, in which nothing is special but a class's own asterisk. Pure."""

import re
from typing import Final

_ESCAPED: Final = r"\\\1"
_SPECIAL: Final = re.compile(r"([\\%_])")


def place_pattern(code: str) -> str:
    """Return what the stored places of a case in this district, street or community are like."""
    return f"%/{_SPECIAL.sub(_ESCAPED, code)}/%"


def class_pattern(pattern: str) -> str:
    """Return what the classes of a pattern such as ``E01*`` are like."""
    return _SPECIAL.sub(_ESCAPED, pattern).replace("*", "%")
