"""``POST /v1/tickets/batch``: tickets as NDJSON, a line each."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from fastapi import FastAPI, Request
from starlette.responses import Response

from paidan_chassis.edge import ndjson, query
from paidan_chassis.edge.api_keys import Principal
from paidan_chassis.edge.app import Caller
from paidan_chassis.edge.middleware import parse_body
from paidan_chassis.edge.problems import Problem
from paidan_chassis.edge.rate_limit import charge
from paidan_intake.api.checks import DRY_RUN_PARAMETERS, check_id, check_photos
from paidan_intake.api.submission import (
    ApiContext,
    accept,
    accepted_body,
    normalize_ticket,
    resolve_sender,
)
from paidan_intake.tickets import Ticket

_YIELD_EVERY: Final = 100
_BATCH_OPENAPI: Final[dict[str, Any]] = {
    **DRY_RUN_PARAMETERS,
    "requestBody": {
        "required": True,
        "content": {ndjson.MEDIA_TYPE: {"schema": {"type": "string", "description": "One ticket on each line."}}},
    },
    "responses": {
        "200": {
            "description": "One line for each line, in order: `status` with a ticket's answer, or with its `error`.",
            "content": {ndjson.MEDIA_TYPE: {"schema": {"type": "string"}}},
        },
        "503": {"description": "As 200, but some lines may not be stored: send all of them again."},
    },
}


def add_routes(app: FastAPI, context: ApiContext) -> None:
    """Add the batch route to the app."""

    @app.post(
        "/v1/tickets/batch",
        name="take_tickets",
        openapi_extra=_BATCH_OPENAPI,
        response_class=Response,
        max_body_size=None,
    )
    async def submit_tickets(request: Request, caller: Caller) -> Response:
        """Accept a ticket on each line, and answer each line in order. 503 as a whole if any line was not stored."""
        settings = context.settings
        lines = await ndjson.read_lines(request, max_bytes=settings.batch_bytes, max_lines=settings.batch_lines)
        await charge(request, len(lines) - 1)
        return _batch_response(await _process_lines(context, caller, lines, dry_run=query.is_dry_run(request.scope)))


async def _process_lines(
    context: ApiContext, caller: Principal, lines: Sequence[tuple[int, bytes]], *, dry_run: bool
) -> list[tuple[int, dict[str, Any]]]:
    tasks: dict[int, asyncio.Task[dict[str, Any]]] = {}
    async with asyncio.TaskGroup() as group:
        for number, line in lines:
            tasks[number] = group.create_task(_process_line(context, caller, line, dry_run=dry_run))
            if len(tasks) % _YIELD_EVERY == 0:
                await asyncio.sleep(0)  # tickets sent one by one must not wait for a whole file
    return [(number, task.result()) for number, task in tasks.items()]


async def _process_line(context: ApiContext, caller: Principal, line: bytes, *, dry_run: bool) -> dict[str, Any]:
    try:
        ticket = parse_body(Ticket, line)
        sender = resolve_sender(caller, context.packs, source=ticket.source, city=ticket.city)
        normalized = normalize_ticket(context, ticket, sender)
        await check_photos(context.pool, ticket.photos, sender, caller)
        if dry_run:
            await check_id(context.pool, normalized.report.report_id, normalized.digest)
        report = normalized.report if dry_run else await accept(context, normalized)
    except Problem as problem:
        return {"status": problem.status, **problem.body()}
    body = accepted_body(report, normalized, dry_run=dry_run)
    return {"status": 200 if dry_run else 202, **body.model_dump(mode="json", exclude_defaults=True)}


def _batch_response(results: Sequence[tuple[int, dict[str, Any]]]) -> Response:
    if any(each["status"] == 503 for _, each in results):
        return ndjson.ndjson_response(results, 503, {"Retry-After": "2"})
    return ndjson.ndjson_response(results, 200)
