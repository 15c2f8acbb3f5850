"""JSON that may stand in a script, in an attribute or in an event of a stream: no character in it means more. Pure."""

import json
from types import MappingProxyType
from typing import Final

# What ends a script or an attribute, and what counts as the end of a line to some, but not to JSON.
_ESCAPED: Final = MappingProxyType({ord(each): f"\\u{ord(each):04x}" for each in "<>&'\x7f\x85\u2028\u2029"})


def json_text(value: object) -> str:
    """Return a value as JSON in one line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).translate(_ESCAPED)
