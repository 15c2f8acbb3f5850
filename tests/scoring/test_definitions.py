"""The definitions that scores follow: shown as the pack has them, and no score while its pack is damaged."""

from typing import Any

import asyncpg
import httpx
import pytest

from tests.scoring import database_fixture
from tests.scoring.database_fixture import create_key


@pytest.mark.parametrize("route", ["scores", "cases", "indicators"])
async def test_damaged_pack_is_reported(route: str, edge: httpx.AsyncClient, pool: "asyncpg.Pool[Any]") -> None:
    """A score by an older pack's indicators would be wrong, so there is none until the pack is published again."""
    monitor, query = await create_key(pool, "role:monitor"), {"city": "tiny", "period": "2026-03"}
    response = (await edge.get("/v1/scores", params=query, headers=monitor)).json()
    score_id = response["rows"][1]["rates"]["handling"]["score_id"]
    path, params = {
        "scores": ("/v1/scores", query),
        "cases": (f"/v1/scores/{score_id}/cases", {}),
        "indicators": ("/v1/indicators", {"city": "tiny"}),
    }[route]
    damaged = await database_fixture.publish_pack(pool, b'{"id": "tiny", "zone": "Asia/Shanghai"}')

    try:
        answer = await edge.get(path, params=params, headers=monitor)
    finally:
        await pool.execute("DELETE FROM cities.pack WHERE version = $1", damaged)

    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    published = answer.json()["error"]
    assert published["code"] == "city_pack_damaged"
    assert damaged in published["message"]


async def test_definitions_are_shown_as_the_pack_has_them(edge: httpx.AsyncClient, pool: "asyncpg.Pool[Any]") -> None:
    department_headers = await create_key(pool, "department:a")

    found = (await edge.get("/v1/indicators", params={"city": "tiny"}, headers=department_headers)).json()
    schemes = (await edge.get("/v1/schemes", params={"city": "tiny"}, headers=department_headers)).json()

    due = next(count for count in found["counts"] if count["id"] == "due")
    assert due["holds"] == "dispatched and (handled or overdue) and not voided and not exempt"
    assert found["pack"] == database_fixture.pack_version(database_fixture.pack_bytes())
    assert schemes == {"city": "tiny", "schemes": []}
