"""Requests to intake and dispatch, repeated while a service is down or busy, and the outcomes of what was accepted."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx
from tenacity import RetryCallState, retry, retry_if_exception_type, retry_if_result, stop_after_attempt

from paidan_deploy.errors import DeployError
from paidan_deploy.importing.import_requests import Endpoint

_LOOKUP_BATCH: Final = 1000
_MAX_ATTEMPTS: Final = 8


class DecisionTimeout(DeployError):
    """Dispatch has decided none of the sent requests for a minute."""

    def __init__(self) -> None:
        super().__init__(
            "dispatch decided nothing for a minute; see `paidan status`"
            " / dispatch 一分钟内没有作出任何决定，见 `paidan status`"
        )


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Addresses of both services, and the key for them."""

    intake: str
    dispatch: str
    token: str

    def batch_url(self, endpoint: Endpoint) -> str:
        """Return the URL that accepts batches for this endpoint."""
        return f"{self.intake}/v1/tickets/batch" if endpoint == "reports" else f"{self.dispatch}/v1/actions/batch"


def open_client(endpoints: Endpoints) -> httpx.AsyncClient:
    return httpx.AsyncClient(headers={"authorization": f"Bearer {endpoints.token}"}, timeout=60)


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


async def await_outcomes(
    accepted: Collection[str], endpoints: Endpoints, on_progress: Callable[[int], None]
) -> AsyncIterator[dict[str, Any]]:
    """Yield the outcome of every accepted request, by its id, as it is decided.

    Raises ``DecisionTimeout`` when nothing new is decided for a minute.
    """
    pending = list(accepted)
    async with open_client(endpoints) as client:
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
        for group in _slices(pending, _LOOKUP_BATCH):
            decided = await _lookup_outcomes(client, endpoints, group)
            found.update(decided)
            if not decided:
                break  # the log is decided in order: later requests are not decided yet either
        if found:
            return found
        await asyncio.sleep(0.05)


def _slices(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (items[start : start + size] for start in range(0, len(items), size))


async def look_up_outcomes(
    client: httpx.AsyncClient, endpoints: Endpoints, outcome_ids: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Return the outcomes of those of these reports and actions that are decided, by id."""
    found: dict[str, dict[str, Any]] = {}
    for group in _slices(outcome_ids, _LOOKUP_BATCH):
        found |= await _lookup_outcomes(client, endpoints, group)
    return found


async def _lookup_outcomes(
    client: httpx.AsyncClient, endpoints: Endpoints, outcome_ids: Collection[str]
) -> dict[str, dict[str, Any]]:
    body = json.dumps({"ids": list(outcome_ids)}).encode()
    response = await post_with_retry(client, f"{endpoints.dispatch}/v1/outcomes/lookup", body, "application/json")
    return {outcome["id"]: outcome for outcome in response.json()["outcomes"]}
