"""An action for several cases, sent to dispatch under one id for each, and what became of each."""

import asyncio
import json
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from paidan_cockpit.pages.case_summary import CaseSummary
from paidan_cockpit.pages.request_context import RequestContext
from paidan_cockpit.pages.site import Site
from paidan_cockpit.services_client import ServiceAnswer, ServiceUnavailable, message_in

_WAIT_S: Final = 5.0
_POLL_S: Final = 0.1
Result = Literal["applied", "refused", "pending", "unanswered"]


@dataclass(frozen=True, slots=True)
class BulkResult:
    """What became of the action on one case; of a refused one why, and at which field."""

    summary: CaseSummary
    result: Result
    why: str = ""
    field: str | None = None
    action_id: str = ""
    version: int = 0


async def send_action(
    site: Site, context: RequestContext, cases: Sequence[CaseSummary], body: Mapping[str, Any], key: uuid.UUID
) -> list[BulkResult]:
    """Ask for the action on each case and wait a little for what is decided. The same key asks once, however often."""
    lines = [{"id": str(uuid.uuid5(key, each.case_id)), "case_id": each.case_id, **body} for each in cases]
    content = "\n".join(json.dumps(line) for line in lines).encode()
    try:
        answer = await site.services.upload("dispatch", "/v1/actions/batch", context.person, content)
    except ServiceUnavailable:
        return [BulkResult(each, "unanswered") for each in cases]
    taken = read_answer(cases, answer, context.language)
    outcomes = await _await_outcomes(site, context, [each.action_id for each in taken if each.result == "pending"])
    return [_decided(each, outcomes.get(each.action_id), context.language) for each in taken]


def read_answer(cases: Sequence[CaseSummary], answer: ServiceAnswer, language: str) -> list[BulkResult]:
    """Return what dispatch said of each line of a batch: taken, or refused at once."""
    if not answer.ok:
        return [BulkResult(each, "refused", answer.message(language), answer.field) for each in cases]
    lines: list[dict[str, Any]] = [json.loads(line) for line in answer.content.splitlines() if line.strip()]
    return [_read_line(summary, line, language) for summary, line in zip(cases, lines, strict=True)]


def _read_line(summary: CaseSummary, line: Mapping[str, Any], language: str) -> BulkResult:
    if "error" in line:
        said = ServiceAnswer(line["status"], line)
        return BulkResult(summary, "refused", said.message(language), said.field)
    taken = BulkResult(summary, "pending", action_id=line["action_id"])
    return _decided(taken, line if line.get("result") else None, language)


def _decided(taken: BulkResult, outcome: Mapping[str, Any] | None, language: str) -> BulkResult:
    if outcome is None:
        return taken
    if outcome["result"] != "refused":
        return replace(taken, result="applied", version=outcome.get("case_version") or 0)
    why = outcome.get("why") or {}
    return replace(taken, result="refused", why=message_in(why, language), field=why.get("field"))


async def _await_outcomes(
    site: Site, context: RequestContext, action_ids: Sequence[str]
) -> Mapping[str, Mapping[str, Any]]:
    """Return the outcomes that are decided soon, by the ids of their actions."""
    outcomes: dict[str, Mapping[str, Any]] = {}
    deadline = time.monotonic() + _WAIT_S
    while (waiting := [each for each in action_ids if each not in outcomes]) and time.monotonic() < deadline:
        try:
            answer = await site.services.post("dispatch", "/v1/outcomes/lookup", context.person, {"ids": waiting})
        except ServiceUnavailable:
            break
        if answer.ok:
            outcomes |= {each["id"]: each for each in answer.body["outcomes"]}
        if len(outcomes) < len(action_ids):
            await asyncio.sleep(_POLL_S)
    return outcomes
