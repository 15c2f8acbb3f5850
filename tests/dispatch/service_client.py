"""Speaking to dispatch's edge, and waiting for what becomes of it."""

import uuid
from typing import Any

import httpx

from tests.polling import poll

PROOF = "a" * 64 + ".jpg"

NOBODYS = "tiny-" + "0" * 32

Headers = dict[str, str]


async def decided(client: httpx.AsyncClient, action_id: str, headers: Headers) -> dict[str, Any]:
    """Wait until an action is decided."""

    async def answer() -> dict[str, Any] | None:
        got = await client.get(f"/v1/actions/{action_id}", headers=headers)
        return got.json() if got.status_code == 200 else None

    return await poll(answer, within_s=60, what=f"action {action_id} decided") or {}


async def acted(client: httpx.AsyncClient, case_id: str, action: dict[str, Any], headers: Headers) -> dict[str, Any]:
    """Act over HTTP and wait for what becomes of it."""
    own = {"Idempotency-Key": uuid.uuid4().hex}
    got = await client.post(f"/v1/cases/{case_id}/actions", json={"action": action}, headers=headers | own)
    assert got.status_code == 202, got.text
    return await decided(client, got.json()["action_id"], headers)
