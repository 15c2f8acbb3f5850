"""The routes about reports: those of a case, those to be called back, those that were noted, and who may read them."""

from typing import Any

import httpx

from paidan_contracts import ids
from paidan_contracts.actions import Inspect
from paidan_contracts.department_actions import Accept, Finish
from tests.dispatch.dispatch_service import DispatchService
from tests.dispatch.inbox_entries import build_action, build_report, case_id_of, photo_stored
from tests.dispatch.service_client import await_decision
from tests.polling import poll

AREA = {"area": "tiny.990103"}


async def test_reports_of_a_case_are_read_by_who_may(service: DispatchService, client: httpx.AsyncClient) -> None:
    opener = build_report("who 1", east_m=9000, text="第一个")
    joined = build_report("who 2", east_m=9001, minutes=1, text="第二个", source="photo", photos=("d" * 64 + ".jpg",))
    secret = build_report("who 3", east_m=9001, minutes=2, text="第三个", confidential=True)
    case_id = case_id_of(opener)
    await service.append_to_inbox(opener, joined, secret)
    await service.await_messages("paidan.outcomes", 3, about=[each.report_id for each in (opener, joined, secret)])
    url = f"/v1/cases/{case_id}/reports"

    async def texts(*scopes: str, query: str = "", **more: str) -> list[str] | int:
        response = await client.get(url + query, headers=await service.create_key(*scopes, **more))
        return (
            [each["report"]["text"] for each in response.json()["reports"]]
            if response.is_success
            else response.status_code
        )

    assert await texts("role:operator") == await texts("role:caller") == ["第一个", "第二个", ""]
    assert await texts("department:streets") == ["第一个", "第二个", ""]
    assert await texts("department:lamps") == 404
    assert await texts("source:photo") == ["第二个"], "a source sees its own"
    assert await texts("source:hotline") == ["第一个", ""]
    assert await texts("source:patrol") == 404
    assert await texts("role:operator", city="quancheng") == 404
    assert await texts("role:operator", query="?limit=2") == ["第一个", "第二个"]
    assert await texts("role:operator", query="?limit=2&after=2") == [""]
    assert await texts("source:photo", query="?after=2") == []
    assert await texts("source:patrol", query="?after=2") == 404


async def test_callbacks_are_listed_by_report(service: DispatchService, client: httpx.AsyncClient) -> None:
    """Residents, whichever came first; a camera never."""
    camera = build_report("call 1", east_m=12000, source="camera", confidence=0.9)
    one = build_report("call 2", east_m=12001, minutes=1, text="甲")
    other = build_report("call 3", east_m=12001, minutes=2, source="photo", text="乙")
    case_id, photo = case_id_of(camera), "c" * 64 + ".jpg"
    await service.append_to_inbox(
        camera,
        one,
        other,
        photo_stored(case_id, photo, minutes=3),
        build_action(case_id, Accept(), by="department:streets", minutes=3),
        build_action(case_id, Finish(proof=(photo,), text="已清理"), by="department:streets", minutes=4),
        build_action(case_id, Inspect(passed=True), by="inspector:ivy", minutes=5),
    )
    caller = await service.create_key("role:caller")

    async def waiting() -> list[dict[str, Any]]:
        page = (await client.get("/v1/callbacks?limit=500", headers=caller)).json()
        return [each for each in page["callbacks"] if each["case_id"] == case_id]

    found = await poll(waiting, within_s=60, what="the callbacks")
    assert [(each["report_id"], each["report"]["text"], each["answer"]) for each in found] == [
        (one.report_id, "甲", "已清理"),
        (other.report_id, "乙", "已清理"),
    ]

    action = {"kind": "call_back", "report_id": one.report_id, "rating": "satisfied"}
    response = await client.post(
        f"/v1/cases/{case_id}/actions", json={"action": action}, headers=caller | {"Idempotency-Key": "call one"}
    )
    decided = await await_decision(client, response.json()["action_id"], caller)

    assert decided["result"] == "applied"
    assert [each["report_id"] for each in await waiting()] == [other.report_id]
    shown = (await client.get(f"/v1/cases/{case_id}", headers=caller)).json()
    assert shown["case"]["rating"] == "satisfied"
    assert ("rated", "worst") in [(each["decision"], each["rule"]) for each in shown["receipts"]]
    source = await service.create_key("source:hotline")
    assert (await client.get("/v1/callbacks", headers=source)).status_code == 403


async def test_noted_report_is_listed_and_replied_to(service: DispatchService, client: httpx.AsyncClient) -> None:
    thanks = build_report("thanks", matter="praise", text="谢谢")
    await service.append_to_inbox(thanks)
    await service.await_messages("paidan.outcomes", 1, about=[thanks.report_id])
    operator, url = await service.create_key("role:operator"), f"/v1/noted/{thanks.report_id}/reply"

    async def listed(query: str) -> list[dict[str, Any]]:
        page = (await client.get(f"/v1/noted?{query}", headers=operator)).json()
        return [each for each in page["reports"] if each["report_id"] == thanks.report_id]

    [noted] = await listed("answered=false")
    assert (noted["rule"], noted["report"]["text"], noted["answer"]) == ("praise", "谢谢", None)

    body, key = {"text": "已转达，电话13812345678"}, {"Idempotency-Key": "reply"}
    unnamed = await client.post(url, json=body, headers=operator)
    stranger = await client.post(
        url, json=body, headers=await service.create_key("role:operator", city="quancheng") | key
    )
    department = await client.post(url, json=body, headers=await service.create_key("department:streets") | key)
    dry = await client.post(f"{url}?dry-run=true", json=body, headers=operator | {"Idempotency-Key": "dry"})
    unknown_parameter = await client.post(f"{url}?dry=true", json=body, headers=operator | {"Idempotency-Key": "dry"})
    accepted = await client.post(url, json=body, headers=operator | key)
    decided = await await_decision(client, accepted.json()["action_id"], operator)
    refused = await await_decision(client, department.json()["action_id"], operator)

    assert (dry.status_code, dry.json()["result"], dry.json()["status"]) == (200, "applied", None)
    assert unknown_parameter.status_code in (400, 422), "nothing is ignored"
    assert (await client.get("/v1/callbacks?citty=tiny", headers=operator)).status_code in (400, 422)
    assert (unnamed.status_code, stranger.status_code, accepted.status_code) == (400, 404, 202)
    assert (decided["result"], refused["why"]["code"]) == ("applied", "not_your_role")
    [answered] = await listed("answered=true")
    assert answered["answer"].startswith("已转达")
    assert "13812345678" not in answered["answer"], "free text of replies is masked, too"
    assert await listed("answered=false") == []
    unknown = await client.post(f"/v1/noted/{ids.report_id('x', 'y')}/reply", json=body, headers=operator | key)
    assert unknown.status_code == 404
