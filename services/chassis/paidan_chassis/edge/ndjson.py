"""Reads and writes NDJSON: one JSON object a line. Blank lines are skipped but counted."""

import json
from codecs import BOM_UTF8
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from paidan_chassis.edge import problems
from paidan_chassis.edge.problems import Problem
from paidan_chassis.edge.scope_keys import BODY_LIMIT_KEY

MEDIA_TYPE: Final = "application/x-ndjson"


async def read_lines(request: Request, *, max_bytes: int, max_lines: int) -> list[tuple[int, bytes]]:
    """Return the lines of a body that are not blank, each with its number from 1; raise 413, or 422 for too many.

    Lines are counted as they arrive: a body of many short ones is refused before it is read.
    """
    request.scope[BODY_LIMIT_KEY] = max_bytes
    return await split_lines(request.stream(), max_lines=max_lines)


async def split_lines(chunks: AsyncIterator[bytes], *, max_lines: int) -> list[tuple[int, bytes]]:
    """Return the lines of a stream that are not blank, each with its number from 1; raise 422 if there are too many.

    Blank lines are passed over and may be any number.
    """
    lines: list[tuple[int, bytes]] = []
    number, rest = 0, bytearray()
    async for chunk in chunks:
        rest += chunk
        if b"\n" not in chunk:
            continue
        *found, last = rest.split(b"\n")
        rest = bytearray(last)
        for line in found:
            number += 1
            _append(lines, number, line, max_lines)
    _append(lines, number + 1, rest, max_lines)
    return lines


def _append(lines: list[tuple[int, bytes]], number: int, line: bytes | bytearray, max_lines: int) -> None:
    if number == 1:
        line = line.removeprefix(BOM_UTF8)
    if not line.strip():
        return
    if len(lines) >= max_lines:
        raise _too_many(max_lines)
    lines.append((number, bytes(line)))


def _too_many(max_lines: int) -> Problem:
    return problems.invalid(None, f"at most {max_lines} lines", f"最多 {max_lines} 行")


def ndjson_response(
    results: Iterable[tuple[int, Mapping[str, Any]]], status: int, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a response with a line for each result, under the number of the line it belongs to."""
    lines = (json.dumps({"line": number, **result}, ensure_ascii=False) + "\n" for number, result in results)
    return Response("".join(lines), status, headers, media_type=MEDIA_TYPE)
