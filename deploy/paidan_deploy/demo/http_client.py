"""Calls to the services' HTTP faces, as a patient client makes them: what was not answered is sent again, the same."""

import asyncio
from collections.abc import Collection
from typing import Any, Final

import httpx

_MAX_ATTEMPTS: Final = 30


class CallRefused(Exception):
    """A service says that a call is wrong; sending it again would not help."""


class ServiceClient:
    """One service, spoken to with one key."""

    def __init__(self, url: str, token: str) -> None:
        limits = httpx.Limits(max_connections=16, max_keepalive_connections=16)
        headers = {"authorization": f"Bearer {token}"}
        self._client = httpx.AsyncClient(base_url=url, headers=headers, timeout=10, limits=limits)

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()

    async def get(self, path: str, **params: Any) -> Any:  # noqa: ANN401  # a parameter or an answer in JSON
        """Ask; lists are repeated parameters."""
        return (await self._request("GET", path, params=params)).json()

    async def post(self, path: str, **content: Any) -> Any:  # noqa: ANN401  # as httpx takes them
        """Say something, and say it again until it is taken. Raises ``Refused`` when it never will be."""
        return (await self._request("POST", path, **content)).json()

    async def submit_action(self, case_id: str, action: Any, *, idempotency_key: str) -> None:  # noqa: ANN401  # an action in JSON
        """Ask for an action. Said before in other words, by whoever played before a crash, the first words stand."""
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
        for attempt in range(_MAX_ATTEMPTS):
            try:
                response = await self._client.request(method, path, **content)
            except httpx.TransportError:
                await asyncio.sleep(0.3)
                continue
            if response.status_code not in (429, 503):
                if response.is_error and response.status_code not in accepted_statuses:
                    raise CallRefused(f"{method} {path}: {response.status_code} {response.text[:300]}")
                return response
            await asyncio.sleep(min(float(response.headers.get("retry-after", 1)), 0.2 * (attempt + 1)))
        raise CallRefused(f"{method} {path}: no answer after {_MAX_ATTEMPTS} tries")
