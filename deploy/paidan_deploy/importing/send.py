"""Sends requests to intake and dispatch in order: reports, the actions that followed, corrections of a later export."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import httpx

from paidan_contracts import ids
from paidan_deploy.importing.client import Endpoints, look_up_outcomes, open_client, post_lines
from paidan_deploy.importing.import_requests import Endpoint, ImportRequest, split_batches
from paidan_deploy.importing.later_export import LaterExport, lines_of, load_imported_reports

_BATCH_LINES: Final = 500


@dataclass(frozen=True, slots=True)
class RefusedRequest:
    """A request that was refused, with the service's code and message."""

    line: int
    what: str
    code: str
    message: str
    message_zh: str = ""


@dataclass(slots=True)
class SentRequests:
    """Accepted requests by the id of their outcome, and refused ones."""

    accepted: dict[str, ImportRequest] = field(default_factory=dict)
    area_by_report: dict[str, str] = field(default_factory=dict)
    """The area that intake assigned to each accepted report."""
    refused: list[RefusedRequest] = field(default_factory=list)
    reused: list[ImportRequest] = field(default_factory=list)
    """Requests whose id was used before for another content, until it is known why."""
    settled: set[str] = field(default_factory=set)
    """Reports whose case has ended already: their steps are not sent."""
    redated: dict[int, str] = field(default_factory=dict)
    """Lines with a time later than the city's clock, and the time that intake recorded instead."""

    def sendable(self, group: Sequence[ImportRequest]) -> list[ImportRequest]:
        """Return the requests to send; actions on a refused report are added to ``refused`` instead.

        Such a report's id may be another report's, imported before: its actions would change that one's case.
        """
        sendable_requests: list[ImportRequest] = []
        for request in group:
            if request.endpoint == "actions" and request.body["of_report"] in self.settled:
                continue
            if request.endpoint == "reports" or request.body["of_report"] in self.area_by_report:
                sendable_requests.append(request)
            else:
                self.refuse(request, "report_not_taken", "not sent: its report was refused", "未发送：其上报被拒")
        return sendable_requests

    def refuse(self, request: ImportRequest, code: str, message: str, message_zh: str) -> None:
        """Record that a request was refused."""
        self.refused.append(RefusedRequest(request.line, _description(request), code, message, message_zh))

    def record_answer(self, request: ImportRequest, answer: dict[str, Any]) -> None:
        """Store a service's answer to a request."""
        if "error" in answer:
            error = answer["error"]
            if error["code"] == "id_reused":
                self.reused.append(request)
            else:
                where = f"{error.get('field')}: " if error.get("field") else ""
                self.refuse(request, error["code"], where + error["message"], where + error["message_zh"])
        elif request.endpoint == "reports":
            self.accepted[answer["report_id"]] = request
            self.area_by_report[answer["report_id"]] = answer["area"]
            if datetime.fromisoformat(answer["recorded_at"]) < request.at:
                self.redated[request.line] = answer["recorded_at"]
        else:
            self.accepted[answer["action_id"]] = request


async def send_requests(
    requests: Sequence[ImportRequest], endpoints: Endpoints, later: LaterExport, on_progress: Callable[[int], None]
) -> SentRequests:
    """Send all requests; each batch waits for the answer to the last, so that the log has them in this order.

    Raises ``httpx.HTTPError`` when a service stays unavailable; sending everything again changes nothing.
    """
    sent = SentRequests()
    async with open_client(endpoints) as client:
        for endpoint, group in split_batches(requests, _BATCH_LINES):
            await _send_group(client, endpoints, sent, endpoint, group)
            if sent.reused:
                await _examine_reused(client, endpoints, sent, later)
            on_progress(len(group))
    return sent


async def send_amendments(
    sent: SentRequests, endpoints: Endpoints, later: LaterExport, on_progress: Callable[[int], None]
) -> SentRequests:
    """Send the corrections of a later export, once the cases have taken its steps."""
    corrections = SentRequests(area_by_report=sent.area_by_report)
    async with open_client(endpoints) as client:
        for endpoint, group in split_batches(later.amendments(), _BATCH_LINES):
            await _send_group(client, endpoints, corrections, endpoint, group)
            on_progress(len(group))
    return corrections


async def _send_group(
    client: httpx.AsyncClient, endpoints: Endpoints, sent: SentRequests, endpoint: Endpoint, group: list[ImportRequest]
) -> None:
    sendable = sent.sendable(group)
    if not sendable:
        return
    lines = [_request_line(request, sent.area_by_report) for request in sendable]
    answers = await post_lines(client, endpoints.batch_url(endpoint), lines)
    for request, answer in zip(sendable, answers, strict=True):
        sent.record_answer(request, answer)


async def _examine_reused(
    client: httpx.AsyncClient, endpoints: Endpoints, sent: SentRequests, later: LaterExport
) -> None:
    """Let the steps of records that were imported before be sent, and refuse what belongs to another record."""
    by_report = lines_of(sent.reused)
    sent.reused.clear()
    outcomes = await look_up_outcomes(client, endpoints, list(by_report))
    known = await load_imported_reports(client, endpoints.dispatch, outcomes, by_report)
    assignments: list[ImportRequest] = []
    for report_id, request in by_report.items():
        fate = later.examine(request, known[report_id]) if report_id in known else "other"
        if fate == "other":
            sent.refuse(
                request,
                "id_reused",
                "this id was used before with another content; the first one is kept",
                "此编号曾用于其他内容；保留最先的一份",
            )
            continue
        sent.area_by_report[report_id] = known[report_id].area
        if fate == "settled":
            sent.settled.add(report_id)
        if step := later.assignment(request, known[report_id]):
            assignments.append(step)
    await _send_group(client, endpoints, sent, "actions", assignments)


def _request_line(request: ImportRequest, area_by_report: Mapping[str, str]) -> dict[str, Any]:
    # A case id begins with its area, which determines the partition: an action must follow its report in the same one.
    if request.endpoint == "reports":
        return request.body
    report_id: str = request.body["of_report"]
    return {"case_id": ids.case_id(area_by_report[report_id], report_id), **request.body}


def _description(request: ImportRequest) -> str:
    return "report" if request.endpoint == "reports" else str(request.body["action"]["kind"])


def refusal_of(request: ImportRequest, outcome: dict[str, Any]) -> RefusedRequest | None:
    """Return an outcome as a refusal; None when the request was applied."""
    if outcome["result"] in ("opened", "merged", "applied"):
        return None
    reason = outcome.get("why") or {}
    return RefusedRequest(
        request.line,
        _description(request),
        reason.get("code", outcome["result"]),
        reason.get("message", ""),
        reason.get("message_zh", ""),
    )
