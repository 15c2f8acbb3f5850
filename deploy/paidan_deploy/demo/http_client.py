"""HTTP client of a service that repeats requests which were not answered, as every client should."""

from collections.abc import Callable, Collection
from typing import Any, Final, NoReturn, TypeAlias

import httpx
from tenacity import RetryCallState, retry, retry_if_exception_type, retry_if_result, stop_after_attempt

_MAX_ATTEMPTS: Final = 30
Token: TypeAlias = str | Callable[[], str]
"""A key, or what signs a token anew for each request, as a person's is short-lived."""


class CallRefused(Exception):
    """A service refused a request, or never answered it."""


def _is_busy(response: httpx.Response) -> bool:
    return response.status_code in (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE)


def _pause_s(state: RetryCallState) -> float:
    if state.outcome is None or state.outcome.failed:
        return 0.3
    return min(float(state.outcome.result().headers.get("retry-after", 1)), 0.2 * state.attempt_number)


def _give_up(state: RetryCallState) -> NoReturn:
    _, method, path = state.args
    raise CallRefused(f"{method} {path}: no answer after {state.attempt_number} tries")


class ServiceClient:
    """Client of one service with one key, or of one person."""

    def __init__(self, url: str, token: Token) -> None:
        limits = httpx.Limits(max_connections=16, max_keepalive_connections=16)
        self._token = token
        self._client = httpx.AsyncClient(base_url=url, auth=self._authorize, timeout=10, limits=limits)

    def _authorize(self, request: httpx.Request) -> httpx.Request:
        request.headers["authorization"] = f"Bearer {self._token() if callable(self._token) else self._token}"
        return request

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()

    async def get(self, path: str, **params: Any) -> Any:  # noqa: ANN401  # a parameter or an answer in JSON
        """Get JSON; lists become repeated parameters."""
        return (await self._request("GET", path, params=params)).json()

    async def post(self, path: str, **content: Any) -> Any:  # noqa: ANN401  # as httpx takes them
        """Post, again until it is accepted. Raises ``CallRefused`` when it is refused."""
        return (await self._request("POST", path, **content)).json()

    async def submit_action(self, case_id: str, action: Any, *, idempotency_key: str) -> None:  # noqa: ANN401  # an action in JSON
        """Submit an action; one that was submitted under this key before a crash remains, whatever its body."""
        path, headers = f"/v1/cases/{case_id}/actions", {"idempotency-key": idempotency_key}
        await self._request("POST", path, json={"action": action}, headers=headers, accepted_statuses=(409,))

    async def _request(
        self,
        method: str,
        path: str,
        *,
        accepted_statuses: Collection[int] = (),
        **content: Any,  # noqa: ANN401  # as httpx takes them
    ) -> httpx.Response:
        response = await self._send_until_answered(method, path, **content)
        if response.is_error and response.status_code not in accepted_statuses:
            raise CallRefused(f"{method} {path}: {response.status_code} {response.text[:300]}")
        return response

    @retry(
        retry=retry_if_exception_type(httpx.TransportError) | retry_if_result(_is_busy),
        wait=_pause_s,
        stop=stop_after_attempt(_MAX_ATTEMPTS),
        retry_error_callback=_give_up,
    )
    async def _send_until_answered(self, method: str, path: str, **content: Any) -> httpx.Response:  # noqa: ANN401  # as httpx takes them
        return await self._client.request(method, path, **content)
