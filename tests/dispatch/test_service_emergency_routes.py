"""Emergencies over HTTP: declared once, listed with counts, ended; departments read their standing orders."""

import json
from typing import Any, Final

import asyncpg
import httpx

from tests.dispatch.database_fixture import pack_bytes, publish_pack
from tests.dispatch.dispatch_service import DispatchService
from tests.dispatch.inbox_entries import city_in_force
from tests.dispatch.test_service_emergencies import PLANS
from tests.polling import poll

SNOW_3: Final = {"plan": "snow", "level": "3", "places": ["990101"], "reason": "打 13812345678"}


async def put_plans_in_force(service: DispatchService) -> None:
    pack = json.loads(pack_bytes()) | {"emergencies": PLANS}
    content = json.dumps(pack, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    conn = await asyncpg.connect(service.dsn)
    try:
        version = await publish_pack(conn, content)
    finally:
        await conn.close()
    await service.append_to_inbox(city_in_force(of_version=version))


async def emergencies_in(state: str, client: httpx.AsyncClient, headers: dict[str, str]) -> list[dict[str, Any]]:
    """Return what is listed in a state, once every running case was looked at."""
    answer = await client.get("/v1/emergencies", params={"state": state}, headers=headers)
    return [each for each in answer.json()["emergencies"] if each["is_settled"]]


async def dry_run(client: httpx.AsyncClient, headers: dict[str, str], **body: object) -> str | None:
    """Return the code of the refusal that a declaration would meet."""
    answer = await client.post(
        "/v1/emergencies?dry-run=true", json=SNOW_3 | body, headers=headers | {"idempotency-key": "dry"}
    )
    return (answer.json()["why"] or {}).get("code")


async def test_declared_listed_and_ended(service: DispatchService, client: httpx.AsyncClient) -> None:
    await put_plans_in_force(service)
    operator = await service.create_key("role:operator")
    streets, lamps = await service.create_key("department:streets"), await service.create_key("department:lamps")
    key = {"idempotency-key": "snow of today"}

    assert (await client.post("/v1/emergencies", json=SNOW_3, headers=operator)).status_code == 400

    async def may_declare() -> bool:
        return await dry_run(client, operator) is None

    await poll(may_declare, within_s=30, what="the pack in force")
    assert await dry_run(client, lamps) == "not_your_role"
    assert await dry_run(client, streets) is None
    assert await dry_run(client, operator, level="7") == "invalid_field"
    first, again = [await client.post("/v1/emergencies", json=SNOW_3, headers=operator | key) for _ in range(2)]
    assert (first.status_code, again.json()) == (202, first.json())
    [listed] = await poll(lambda: emergencies_in("in_force", client, lamps), within_s=30, what="it in force")
    id_ = first.json()["action_id"]
    assert listed["declaration"]["declaration_id"] == id_
    assert listed["declaration"]["reason"] == "打 ***********"
    assert (listed["state"], listed["shortened"], listed["restored"]) == ("in_force", 0, 0)
    assert await dry_run(client, operator) == "already_declared"
    other = await client.post("/v1/emergencies", json=SNOW_3 | {"level": "2"}, headers=operator | key)
    assert (other.status_code, other.json()["error"]["code"]) == (409, "id_reused")
    orders = [(await client.get("/v1/standing-orders", headers=each)).json()["orders"] for each in (streets, lamps)]
    assert [[each["text"] for each in found] for found in orders] == [["Stand by."], []]

    end = {"idempotency-key": "it thaws"}
    unknown = "/v1/emergencies/10000000-0000-4000-8000-000000000001/end"
    assert (await client.post(unknown, json={}, headers=operator | end)).status_code == 404
    ended = await client.post(f"/v1/emergencies/{id_}/end", json={"reason": "it thaws"}, headers=operator | end)
    assert ended.status_code == 202

    [past] = await poll(lambda: emergencies_in("ended", client, operator), within_s=30, what="its end")
    assert past["ending"]["reason"] == "it thaws"
    assert (await client.get("/v1/standing-orders", headers=streets)).json()["orders"] == []
    told = await service.await_messages("paidan.orders.streets", 2, about=[id_])
    assert [each["type"] for each in told] == ["standing_order.issued.v1", "standing_order.ended.v1"]
