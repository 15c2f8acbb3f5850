"""An id used before for something else is answered with 409, so that nobody takes another's outcome for their own."""

import asyncio
import json
from typing import Any

import httpx

from paidan_contracts import ids
from tests.dispatch.dispatch_service import DispatchService
from tests.dispatch.inbox_entries import build_report, case_id_of
from tests.dispatch.service_client import UNKNOWN_CASE, act_and_await, await_decision

RETURN = {"kind": "return", "code": "other", "reason": "not ours"}


async def test_a_key_that_was_used_for_something_else_is_refused(
    service: DispatchService, client: httpx.AsyncClient
) -> None:
    """The other's outcome is stored under the id, so 202 would have this sender believe that its own was applied."""
    first, second = build_report("reused"), build_report("reused too", east_m=500)
    streets = await service.create_key("department:streets")
    await service.append_to_inbox(first, second)
    await service.await_messages("paidan.orders.streets", 2, about=[case_id_of(first), case_id_of(second)])
    await act_and_await(client, case_id_of(first), {"kind": "accept"}, streets)
    finish = {"kind": "finish", "proof": [await service.store_proof(case_id_of(first))]}

    async def post(case_id: str, action: dict[str, Any], query: str = "") -> httpx.Response:
        url = f"/v1/cases/{case_id}/actions{query}"
        return await client.post(url, json={"action": action}, headers=streets | {"Idempotency-Key": "K"})

    accepted = await post(case_id_of(first), finish)
    outcome = await await_decision(client, accepted.json()["action_id"], streets)
    refused = [
        await post(case_id_of(first), RETURN),
        await post(case_id_of(second), finish),
        await post(case_id_of(first), RETURN, "?dry-run=true"),
    ]
    repeat = await post(case_id_of(first), finish)

    assert (accepted.status_code, outcome["result"]) == (202, "applied")
    assert [each.status_code for each in refused] == [409] * 3
    for each in refused:
        error = each.json()["error"]
        assert (error["code"], error["field"]) == ("id_reused", "Idempotency-Key")
        assert error["message_zh"]
    assert (repeat.status_code, repeat.json()) == (202, accepted.json())
    assert [each["digest"] for each in await _requests(service, "K")] == [
        (await _requests(service, "K"))[0]["digest"]
    ] * 2


async def test_a_line_whose_id_was_used_for_something_else_is_refused_alone(
    service: DispatchService, client: httpx.AsyncClient
) -> None:
    first = build_report("reused lines", east_m=1000)
    case_id, streets = case_id_of(first), await service.create_key("department:streets")
    await service.append_to_inbox(first)
    await service.await_messages("paidan.orders.streets", 1, about=[case_id])

    async def post(*lines: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
        content = "\n".join(json.dumps({"id": id_, "case_id": case_id, "action": action}) for id_, action in lines)
        response = await client.post("/v1/actions/batch", content=content, headers=streets)
        assert response.status_code == 202
        return [json.loads(line) for line in response.text.splitlines()]

    accepted = await post(("L", {"kind": "accept"}))
    await await_decision(client, accepted[0]["action_id"], streets)
    finish = {"kind": "finish", "proof": [await service.store_proof(case_id)]}
    answers = await post(("L", finish), ("L", {"kind": "accept"}), ("M", finish), ("M", RETURN))
    finished = await await_decision(client, answers[2]["action_id"], streets)

    assert ["error" in each for each in answers] == [True, False, False, True]
    for each in (answers[0], answers[3]):
        assert (each["error"]["code"], each["error"]["field"]) == ("id_reused", "id")
    assert answers[2]["action_id"] == ids.action_id("department:streets", "M")
    assert finished["result"] == "applied"
    assert [each["action"]["kind"] for each in await _requests(service, "M")] == ["finish"]


async def test_concurrent_reuse_of_a_key_is_resolved_on_retry(
    service: DispatchService, client: httpx.AsyncClient
) -> None:
    """Neither is decided when they come, so both may be taken; the outcome under the id is of one of them."""
    first, streets = build_report("at once", east_m=1500), await service.create_key("department:streets")
    await service.append_to_inbox(first)
    await service.await_messages("paidan.orders.streets", 1, about=[case_id_of(first)])

    async def post(action: dict[str, Any]) -> httpx.Response:
        url, key = f"/v1/cases/{case_id_of(first)}/actions", streets | {"Idempotency-Key": "at once"}
        return await client.post(url, json={"action": action}, headers=key)

    await asyncio.gather(post({"kind": "accept"}), post(RETURN))
    await await_decision(client, ids.action_id("department:streets", "at once"), streets)
    again = [await post({"kind": "accept"}), await post(RETURN)]
    detail = (
        await client.get(f"/v1/cases/{case_id_of(first)}", headers=await service.create_key("role:monitor"))
    ).json()

    done = {entry["event"]["type"] for entry in detail["history"]} & {"case.accepted.v1", "case.returned.v1"}
    assert done == ({"case.accepted.v1"} if again[0].status_code == 202 else {"case.returned.v1"})
    assert sorted(each.status_code for each in again) == [202, 409]


async def test_ids_outside_ascii_are_as_many_actions_as_there_are_ids_and_the_same_in_a_batch(
    service: DispatchService, client: httpx.AsyncClient
) -> None:
    """Read as Latin-1 and stripped, 4711-内 and 4711-冠 were one action, and neither was its line in a batch."""
    streets = await service.create_key("department:streets")
    refs = ["4711-内", "4711-冠", "4711-å", "签收 1", "id\u00a0"]

    async def post_one(ref: str) -> str:
        url, key = f"/v1/cases/{UNKNOWN_CASE}/actions?dry-run=true", (b"idempotency-key", ref.encode())
        headers = [*((name.encode(), value.encode()) for name, value in streets.items()), key]
        response = await client.post(url, content='{"action": {"kind": "accept"}}', headers=headers)
        assert response.status_code == 200, response.text
        return str(response.json()["action_id"])

    lines = [json.dumps({"id": ref, "case_id": UNKNOWN_CASE, "action": {"kind": "accept"}}) for ref in refs]
    batch = await client.post("/v1/actions/batch?dry-run=true", content="\n".join(lines), headers=streets)

    one_by_one = [await post_one(ref) for ref in refs]
    assert one_by_one == [json.loads(line)["action_id"] for line in batch.text.splitlines()]
    assert one_by_one == [ids.action_id("department:streets", ref) for ref in refs]


async def _requests(service: DispatchService, ref: str) -> list[dict[str, Any]]:
    return [each for each in await service.read_topic("paidan.inbox") if each.get("sender_ref") == ref]
