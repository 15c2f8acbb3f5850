"""Calls to the services' HTTP faces, as a patient client makes them: what was not answered is sent again, the same."""

import asyncio
from collections.abc import Collection
from typing import Any, Final

import httpx

_TRIES: Final = 30


class Refused(Exception):
    """A service says that a call is wrong; sending it again would not help."""


class Face:
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
        return (await self._ask("GET", path, params=params)).json()

    async def post(self, path: str, **said: Any) -> Any:  # noqa: ANN401  # as httpx takes them
        """Say something, and say it again until it is taken. Raises ``Refused`` when it never will be."""
        return (await self._ask("POST", path, **said)).json()

    async def act(self, case_id: str, action: Any, *, own_id: str) -> None:  # noqa: ANN401  # an action in JSON
        """Ask for an action. Said before in other words, by whoever played before a crash, the first words stand."""
        path, headers = f"/v1/cases/{case_id}/actions", {"idempotency-key": own_id}
        await self._ask("POST", path, json={"action": action}, headers=headers, fine=(409,))

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        fine: Collection[int] = (),
        **said: Any,  # noqa: ANN401  # as httpx takes them
    ) -> httpx.Response:
        for attempt in range(_TRIES):
            try:
                answer = await self._client.request(method, path, **said)
            except httpx.TransportError:
                await asyncio.sleep(0.3)
                continue
            if answer.status_code not in (429, 503):
                if answer.is_error and answer.status_code not in fine:
                    raise Refused(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
                return answer
            await asyncio.sleep(min(float(answer.headers.get("retry-after", 1)), 0.2 * (attempt + 1)))
        raise Refused(f"{method} {path}: no answer after {_TRIES} tries")
