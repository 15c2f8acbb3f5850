"""A batch as it stands in its file: which lines there are, under which numbers, and what is said of each."""

import json
from collections.abc import Iterable, Mapping
from io import BytesIO
from itertools import islice
from typing import Any, Final

from fastapi import Response

from paidan_chassis.edge import problems

MAX_BATCH_BYTES: Final = 8_000_000
MAX_BATCH_LINES: Final = 2000
_NDJSON: Final = "application/x-ndjson"
_NDJSON_CONTENT: Final = {_NDJSON: {"schema": {"type": "string"}}}
REQUEST_OPENAPI: Final = {
    "requestBody": {
        "required": True,
        "description": "One JSON object a line: id, case_id, action, and if need be occurred_at and of_report."
        " Blank lines are skipped.",
        "content": _NDJSON_CONTENT,
    }
}
RESPONSES_OPENAPI: Final[dict[int | str, dict[str, Any]]] = {
    202: {
        "description": "A line for each that is not blank, in order: `line` (its number in the file, from 1), `status`"
        " (202, or of what it would have been alone), and `action_id` or `error`.",
        "content": _NDJSON_CONTENT,
    },
    200: {
        "description": "Of a dry run: a line for each that is not blank, in order: `line`, and the answer to one"
        " action (its `status` is the case's) or `error`.",
        "content": _NDJSON_CONTENT,
    },
}


def parse_lines(raw: bytes) -> list[tuple[int, bytes]]:
    """Give the lines with their numbers in the file, without the blank ones; 422 when they are too many."""
    lines = ((number, line) for number, line in enumerate(BytesIO(raw), 1) if line.strip())
    found = list(islice(lines, MAX_BATCH_LINES + 1))
    if len(found) > MAX_BATCH_LINES:
        raise problems.invalid(None, f"a batch has {MAX_BATCH_LINES} lines at most", "行数过多")
    return found


def ndjson_response(answers: Iterable[tuple[int, Mapping[str, Any]]], status: int) -> Response:
    """Write the answer, a line each under its number; nothing at all was said of no line."""
    lines = (json.dumps({"line": number, **result}, ensure_ascii=False) + "\n" for number, result in answers)
    return Response("".join(lines), status, media_type=_NDJSON)
