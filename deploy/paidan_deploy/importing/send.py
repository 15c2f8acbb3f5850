"""Sends requests to intake and dispatch in order, and waits for the outcome of each."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import httpx
from tenacity import RetryCallState, retry, retry_if_exception_type, retry_if_result, stop_after_attempt

from paidan_contracts import ids
from paidan_deploy.errors import DeployError
from paidan_deploy.importing.import_requests import Endpoint, ImportRequest, split_batches

_BATCH_LINES: Final = 500
_LOOKUP_BATCH: Final = 1000
_MAX_ATTEMPTS: Final = 8


class DecisionTimeout(DeployError):
    """Dispatch has decided none of the sent requests for a minute."""

    def __init__(self) -> None:
        super().__init__("dispatch decided nothing for a minute; see `paidan status`")


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Addresses of both services, and the key for them."""

    intake: str
    dispatch: str
    token: str

    def batch_url(self, endpoint: Endpoint) -> str:
        """Return the URL that accepts batches for this endpoint."""
        return f"{self.intake}/v1/tickets/batch" if endpoint == "reports" else f"{self.dispatch}/v1/actions/batch"


@dataclass(frozen=True, slots=True)
class RefusedRequest:
    """A request that was refused, with the service's code and message."""

    line: int
    what: str
    code: str
    message: str


@dataclass(slots=True)
class SentRequests:
    """Accepted requests by the id of their outcome, and refused ones."""

    accepted: dict[str, ImportRequest] = field(default_factory=dict)
    area_by_report: dict[str, str] = field(default_factory=dict)
    """The area that intake assigned to each accepted report."""
    refused: list[RefusedRequest] = field(default_factory=list)
    redated: dict[int, str] = field(default_factory=dict)
    """Lines with a time later than the city's clock, and the time that intake recorded instead."""

    def sendable(self, group: Sequence[ImportRequest]) -> list[ImportRequest]:
        """Return the requests to send; actions on a refused report are added to ``refused`` instead.

        Such a report's id may be another report's, imported before: its actions would change that one's case.
        """
        sendable_requests: list[ImportRequest] = []
        for request in group:
            if request.endpoint == "reports" or request.body["of_report"] in self.area_by_report:
                sendable_requests.append(request)
            else:
                self.refused.append(
                    RefusedRequest(
                        request.line, _description(request), "report_not_taken", "not sent: its report was refused"
                    )
                )
        return sendable_requests

    def record_answer(self, request: ImportRequest, answer: dict[str, Any]) -> None:
        """Store a service's answer to a request."""
        if "error" in answer:
            error = answer["error"]
            where = f"{error.get('field')}: " if error.get("field") else ""
            self.refused.append(
                RefusedRequest(request.line, _description(request), error["code"], where + error["message"])
            )
        elif request.endpoint == "reports":
            self.accepted[answer["report_id"]] = request
            self.area_by_report[answer["report_id"]] = answer["area"]
            if datetime.fromisoformat(answer["recorded_at"]) < request.at:
                self.redated[request.line] = answer["recorded_at"]
        else:
            self.accepted[answer["action_id"]] = request


async def send_requests(
    requests: Sequence[ImportRequest], endpoints: Endpoints, on_progress: Callable[[int], None]
) -> SentRequests:
    """Send all requests; each batch waits for the answer to the last, so that the log has them in this order.

    Raises ``httpx.HTTPError`` when a service stays unavailable; sending everything again changes nothing.
    """
    sent = SentRequests()
    async with _open_client(endpoints) as client:
        for endpoint, group in split_batches(requests, _BATCH_LINES):
            if sendable := sent.sendable(group):
                answers = await post_lines(
                    client,
                    endpoints.batch_url(endpoint),
                    [_request_line(request, sent.area_by_report) for request in sendable],
                )
                for request, answer in zip(sendable, answers, strict=True):
                    sent.record_answer(request, answer)
            on_progress(len(group))
    return sent


def _open_client(endpoints: Endpoints) -> httpx.AsyncClient:
    return httpx.AsyncClient(headers={"authorization": f"Bearer {endpoints.token}"}, timeout=60)


def _request_line(request: ImportRequest, area_by_report: Mapping[str, str]) -> dict[str, Any]:
    # A case id begins with its area, which determines the partition: an action must follow its report in the same one.
    if request.endpoint == "reports":
        return request.body
    report_id: str = request.body["of_report"]
    return {"case_id": ids.case_id(area_by_report[report_id], report_id), **request.body}


async def post_lines(client: httpx.AsyncClient, url: str, lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Post one JSON object a line and return one for each; see ``post_with_retry``."""
    body = b"".join(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in lines)
    response = await post_with_retry(client, url, body, "application/x-ndjson")
    # Not by `splitlines`: ids in answers may contain Unicode line separators.
    return [json.loads(line) for line in response.content.split(b"\n") if line]


def _is_busy(response: httpx.Response) -> bool:
    return response.status_code == httpx.codes.TOO_MANY_REQUESTS or response.is_server_error


def _pause_s(state: RetryCallState) -> float:
    retry_after = "1"
    if state.outcome is not None and not state.outcome.failed:
        retry_after = state.outcome.result().headers.get("retry-after", "1")
    return state.attempt_number * float(retry_after)


def _last_response(state: RetryCallState) -> httpx.Response:
    if state.outcome is None:
        raise AssertionError("unreachable")
    response: httpx.Response = state.outcome.result()  # raises what the last attempt raised
    return response


@retry(
    retry=retry_if_exception_type((httpx.NetworkError, httpx.RemoteProtocolError)) | retry_if_result(_is_busy),
    wait=_pause_s,
    stop=stop_after_attempt(_MAX_ATTEMPTS),
    retry_error_callback=_last_response,
)
async def _post_until_answered(client: httpx.AsyncClient, url: str, body: bytes, content_type: str) -> httpx.Response:
    return await client.post(url, content=body, headers={"content-type": content_type})


async def post_with_retry(client: httpx.AsyncClient, url: str, body: bytes, content_type: str) -> httpx.Response:
    """Post a body, and again while the service is down or busy: a repeat changes nothing.

    Raises ``httpx.HTTPError`` when that lasts for half a minute or longer, or the service refuses.
    """
    return (await _post_until_answered(client, url, body, content_type)).raise_for_status()


def _description(request: ImportRequest) -> str:
    return "report" if request.endpoint == "reports" else str(request.body["action"]["kind"])


async def await_outcomes(
    sent: SentRequests, endpoints: Endpoints, on_progress: Callable[[int], None]
) -> AsyncIterator[dict[str, Any]]:
    """Yield the outcome of every accepted request as it is decided.

    Raises ``DecisionTimeout`` when nothing new is decided for a minute.
    """
    pending = list(sent.accepted)
    async with _open_client(endpoints) as client:
        while pending:
            try:
                async with asyncio.timeout(60):
                    found = await _poll_outcomes(client, endpoints, pending)
            except TimeoutError as error:
                raise DecisionTimeout from error
            for outcome in found.values():
                yield outcome
            pending = [outcome_id for outcome_id in pending if outcome_id not in found]
            on_progress(len(found))


async def _poll_outcomes(
    client: httpx.AsyncClient, endpoints: Endpoints, pending: Sequence[str]
) -> dict[str, dict[str, Any]]:
    while True:
        found: dict[str, dict[str, Any]] = {}
        for start in range(0, len(pending), _LOOKUP_BATCH):
            decided = await _lookup_outcomes(client, endpoints, pending[start : start + _LOOKUP_BATCH])
            found.update(decided)
            if not decided:
                break  # the log is decided in order: later requests are not decided yet either
        if found:
            return found
        await asyncio.sleep(0.05)


async def _lookup_outcomes(
    client: httpx.AsyncClient, endpoints: Endpoints, outcome_ids: Collection[str]
) -> dict[str, dict[str, Any]]:
    body = json.dumps({"ids": list(outcome_ids)}).encode()
    response = await post_with_retry(client, f"{endpoints.dispatch}/v1/outcomes/lookup", body, "application/json")
    return {outcome["id"]: outcome for outcome in response.json()["outcomes"]}


def refusal_of(request: ImportRequest, outcome: dict[str, Any]) -> RefusedRequest | None:
    """Return an outcome as a refusal; None when the request was applied."""
    if outcome["result"] in ("opened", "merged", "applied"):
        return None
    reason = outcome.get("why") or {}
    return RefusedRequest(
        request.line, _description(request), reason.get("code", outcome["result"]), reason.get("message", "")
    )
