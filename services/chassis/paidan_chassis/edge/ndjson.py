"""Reads and writes NDJSON: one JSON object a line. Blank lines are skipped but counted."""

import json
from collections.abc import Iterable, Mapping
from io import BytesIO
from itertools import islice
from typing import Any, Final

from starlette.responses import Response

from paidan_chassis.edge import problems

MEDIA_TYPE: Final = "application/x-ndjson"


def parse_lines(raw: bytes, *, max_lines: int, too_many: str, too_many_zh: str) -> list[tuple[int, bytes]]:
    """Return the lines that are not blank, each with its number from 1. Raises Problem 422 if there are too many."""
    numbered_lines = ((number, line) for number, line in enumerate(BytesIO(raw), 1) if line.strip())
    lines = list(islice(numbered_lines, max_lines + 1))
    if len(lines) > max_lines:
        raise problems.invalid(None, too_many, too_many_zh)
    return lines


def ndjson_response(
    results: Iterable[tuple[int, Mapping[str, Any]]], status: int, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a response with a line for each result, under the number of the line it belongs to."""
    lines = (json.dumps({"line": number, **result}, ensure_ascii=False) + "\n" for number, result in results)
    return Response("".join(lines), status, headers, media_type=MEDIA_TYPE)
