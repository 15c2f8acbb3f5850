"""The typed client over HTTP, without an edge."""

import httpx
import pytest

from paidan_contracts.client import AnswerOutcome, DepartmentHttpClient, http_client


async def test_outcome_is_awaited_however_often_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "_PAUSE_S", 0)
    asked = 0

    def answer(_: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        found = {"result": "applied", "why": None}
        return httpx.Response(200, json=found) if asked > 2_000 else httpx.Response(404, json={})

    async with DepartmentHttpClient(
        "streets", "http://dispatch", "key", transport=httpx.MockTransport(answer)
    ) as client:
        assert await client.outcome("an-id") == AnswerOutcome("applied", None)
