"""Tickets, one by one and in batches of lines."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from fastapi import FastAPI, Request
from starlette.responses import Response

from paidan_chassis.edge import problems
from paidan_chassis.edge.api_keys import Principal
from paidan_chassis.edge.app import (
    Call,
    Caller,
    hot_route,
    parse,
    read_body,
)
from paidan_chassis.edge.problems import Problem
from paidan_intake.api.context import (
    DRY_RUN,
    Desk,
    answer,
    is_dry_run,
    taken,
)
from paidan_intake.api.models import Taken, Ticket

_LINES_AT_ONCE: Final = 100
_NDJSON: Final = "application/x-ndjson"
_BATCH: Final[dict[str, Any]] = {
    **DRY_RUN,
    "requestBody": {
        "required": True,
        "content": {_NDJSON: {"schema": {"type": "string", "description": "One ticket a line."}}},
    },
    "responses": {
        "200": {
            "description": "A line for each line, in order: `status` with a ticket's answer, or with its `error`.",
            "content": {_NDJSON: {"schema": {"type": "string"}}},
        },
        "503": {"description": "As 200, but some lines were not taken for certain: send all of them again."},
    },
}


def add_routes(app: FastAPI, desk: Desk) -> None:
    """Put the ticket routes on the edge."""

    async def take_ticket(call: Call[Ticket]) -> Response:
        """Take one report. 202 once it is stored; send it again with the same source_ref after any other answer."""
        desk.spend(call.principal)
        ticket = call.body
        sender = desk.sender(call.principal, source=ticket.source, city=ticket.city)
        draft = desk.read(ticket, sender)
        await desk.check_photos(ticket.photos)
        if is_dry_run(call.request):
            await desk.check_id(draft.report.report_id, draft.report.digest)
            return answer(taken(draft.report, draft, dry_run=True))
        return answer(taken(await desk.take(draft), draft))

    hot_route(app, "/v1/tickets", take_ticket, model=Ticket, answers=Taken)

    @app.post("/v1/tickets/batch", openapi_extra=_BATCH, response_class=Response, max_body_size=None)
    async def take_tickets(request: Request, who: Caller) -> Response:
        """Take a ticket a line, and answer each line in order. 503 as a whole when any line was not taken."""
        raw = await read_body(request, desk.settings.batch_bytes)
        lines = {number: line for number, line in enumerate(raw.split(b"\n"), 1) if line.strip()}
        if len(lines) > desk.settings.batch_lines:
            raise problems.invalid(None, f"at most {desk.settings.batch_lines} lines", "行数过多")
        desk.spend(who, len(lines))
        return _ndjson(await _answers(desk, who, lines, dry_run=is_dry_run(request)))


async def _answers(desk: Desk, who: Principal, lines: Mapping[int, bytes], *, dry_run: bool) -> list[dict[str, Any]]:
    taking: dict[int, asyncio.Task[dict[str, Any]]] = {}
    async with asyncio.TaskGroup() as group:
        for number, line in lines.items():
            taking[number] = group.create_task(_line(desk, who, line, dry_run=dry_run))
            if len(taking) % _LINES_AT_ONCE == 0:
                await asyncio.sleep(0)  # tickets sent one by one must not wait for a whole file
    return [{"line": number, **task.result()} for number, task in taking.items()]


async def _line(desk: Desk, who: Principal, line: bytes, *, dry_run: bool) -> dict[str, Any]:
    try:
        ticket = parse(Ticket, line)
        draft = desk.read(ticket, desk.sender(who, source=ticket.source, city=ticket.city))
        await desk.check_photos(ticket.photos)
        if dry_run:
            await desk.check_id(draft.report.report_id, draft.report.digest)
        report = draft.report if dry_run else await desk.take(draft)
    except Problem as problem:
        return {"status": problem.status, **problem.body()}
    said = taken(report, draft, dry_run=dry_run)
    return {"status": 200 if dry_run else 202, **said.model_dump(mode="json", exclude_defaults=True)}


def _ndjson(answers: Sequence[dict[str, Any]]) -> Response:
    content = b"".join(json.dumps(each, ensure_ascii=False).encode() + b"\n" for each in answers)
    if any(each["status"] == 503 for each in answers):
        return Response(content, 503, {"Retry-After": "2"}, media_type=_NDJSON)
    return Response(content, 200, media_type=_NDJSON)
