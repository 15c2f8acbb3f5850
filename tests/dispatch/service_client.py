"""Sends actions to dispatch's edge and waits for their outcomes."""

import uuid
from typing import Any

import httpx

from tests.polling import poll

PROOF = "a" * 64 + ".jpg"

UNKNOWN_CASE = "tiny-" + "0" * 32

Headers = dict[str, str]


async def await_decision(client: httpx.AsyncClient, action_id: str, headers: Headers) -> dict[str, Any]:
    """Wait until an action is decided."""

    async def fetch_decision() -> dict[str, Any] | None:
        got = await client.get(f"/v1/actions/{action_id}", headers=headers)
        return got.json() if got.status_code == 200 else None

    return await poll(fetch_decision, within_s=60, what=f"action {action_id} decided") or {}


async def act_and_await(
    client: httpx.AsyncClient, case_id: str, action: dict[str, Any], headers: Headers
) -> dict[str, Any]:
    """Send an action over HTTP and wait for its outcome."""
    idempotency_headers = {"Idempotency-Key": uuid.uuid4().hex}
    response = await client.post(
        f"/v1/cases/{case_id}/actions", json={"action": action}, headers=headers | idempotency_headers
    )
    assert response.status_code == 202, response.text
    return await await_decision(client, response.json()["action_id"], headers)
