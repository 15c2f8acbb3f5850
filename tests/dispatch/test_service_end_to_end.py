"""Through a real Kafka: reports in, orders out, answers over Kafka and HTTP, timers."""

import json

import httpx

from paidan_contracts import ids
from paidan_contracts.orders import OrderIssued
from tests.dispatch.dispatch_service import DispatchService
from tests.dispatch.inbox_entries import build_report, case_id_of
from tests.dispatch.service_client import UNKNOWN_CASE, act_and_await, await_decision


async def test_full_case_over_http_and_kafka(service: DispatchService, client: httpx.AsyncClient) -> None:
    first = build_report("road")
    case_id = case_id_of(first)
    inspector, caller, monitor = [
        await service.create_key(f"role:{role}") for role in ("inspector", "caller", "monitor")
    ]
    streets = await service.create_key("department:streets")

    await service.append_to_inbox(first)
    issued = (await service.await_messages("paidan.orders.streets", 1, about=[case_id]))[0]
    await service.append_answer("streets", {"id": "a1", "case_id": case_id, "action": {"kind": "accept"}})
    accepted = await await_decision(client, ids.action_id("department:streets", "a1"), streets)
    proof = await service.store_proof(case_id)
    finished = await act_and_await(client, case_id, {"kind": "finish", "proof": [proof]}, streets)
    inspected = await act_and_await(client, case_id, {"kind": "inspect", "passed": True}, inspector)
    called = await act_and_await(client, case_id, {"kind": "call_back", "rating": "satisfied"}, caller)

    assert OrderIssued.model_validate(issued).order.case_id == case_id
    assert [each["result"] for each in (accepted, finished, inspected, called)] == ["applied"] * 4
    detail = (await client.get(f"/v1/cases/{case_id}", headers=monitor)).json()
    # The edge answers what is committed; the relay publishes it after that.
    published = await service.await_messages("paidan.cases", len(detail["history"]), about=[case_id])
    steps = [each for each in published if each["case_id"] == case_id]
    assert [each["version"] for each in steps] == list(range(1, len(steps) + 1))
    assert [entry["event"] for entry in detail["history"]] == steps
    assert (detail["chain_holds"], detail["case"]["status"]) == (True, "closed")
    assert [each["rule"] for each in detail["receipts"]] == ["default_row", "rubbish", "worst"]


async def test_http_and_kafka_agree_on_ids_and_content(service: DispatchService, client: httpx.AsyncClient) -> None:
    """A department may switch at any time: what it sent by Kafka is a repeat over HTTP, and the reverse."""
    first = build_report("doors", east_m=500)
    case_id, streets = case_id_of(first), await service.create_key("department:streets")
    action_id = ids.action_id("department:streets", "d1")
    await service.append_to_inbox(first)
    await service.await_messages("paidan.orders.streets", 1, about=[case_id])

    await service.append_answer("streets", {"id": "d1", "case_id": case_id, "action": {"kind": "accept"}})
    await await_decision(client, action_id, streets)
    responses = [
        await client.post(
            f"/v1/cases/{case_id}/actions", json={"action": action}, headers=streets | {"Idempotency-Key": "d1"}
        )
        for action in ({"kind": "accept"}, {"kind": "finish"})
    ]
    await service.append_answer("streets", {"id": "d1", "case_id": case_id, "action": {"kind": "finish"}})
    outcomes = await service.await_messages("paidan.outcomes", 2, about=[action_id])

    assert [each.status_code for each in responses] == [202, 409]
    assert responses[0].json()["action_id"] == action_id
    outcomes.sort(key=lambda each: each["result"])
    assert [each["result"] for each in outcomes] == ["applied", "refused"]
    assert (outcomes[1]["why"]["code"], outcomes[1]["repeats"]) == ("id_reused", action_id)


async def test_unreadable_answer_is_dead_lettered_and_its_department_notified(
    service: DispatchService, client: httpx.AsyncClient
) -> None:
    assert (await client.get("/healthz")).status_code == 200
    await service.append_answer(
        "lamps", {"id": "x9", "case_id": UNKNOWN_CASE, "action": {"kind": "return", "code": "No code", "reason": "a"}}
    )
    await service.append_answer("lamps", b"\xff not JSON")
    await service.append_answer("lamps", {"id": "x10", "case_id": UNKNOWN_CASE, "action": {"kind": "accept"}})

    twice = b'{"id": "x11", "case_id": "%s", "action": {"kind": "finish", "text": "a", "text": "b"}, "v": {}}'
    await service.append_answer("lamps", twice % UNKNOWN_CASE.encode())

    messages = [
        each for each in await service.await_messages("paidan.orders.lamps", 4) if each["type"] == "answer.refused.v1"
    ]
    letters = await service.await_messages("paidan.dead-letters", 3, about=["paidan.answers.lamps"])

    # The first two come from the answers consumer, the third from the inbox consumer: nothing orders them.
    messages.sort(key=lambda each: each["answer_offset"])
    assert [each["why"]["code"] for each in messages] == [
        "invalid_field",
        "unreadable",
        "unknown_case",
        "duplicate_key",
    ]
    assert messages[0]["why"]["field"] == "action.return.code"
    assert (messages[0]["your_id"], messages[0]["case_id"], messages[0]["answer_offset"]) == ("x9", UNKNOWN_CASE, 0)
    assert (messages[2]["your_id"], messages[2]["answer_offset"]) == ("x10", 2)
    assert [each["reason"] for each in letters] == ["invalid_field", "unreadable", "duplicate_key"]
    assert (messages[3]["your_id"], messages[3]["why"]["field"]) == ("x11", "action.text")
    assert "because" not in str(messages) + str(letters)


async def test_unknown_department_is_ignored(service: DispatchService, client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz")).status_code == 200
    await service.append_answer("strangers", {"id": "s1", "case_id": UNKNOWN_CASE, "action": {"kind": "accept"}})

    letters = await service.await_messages("paidan.dead-letters", 1, about=["paidan.answers.strangers"])

    assert [each["reason"] for each in letters] == ["unknown_department"]
    assert ids.action_id("department:strangers", "s1") not in str(await service.read_topic("paidan.inbox"))


async def test_expired_timer_is_recorded(service: DispatchService, client: httpx.AsyncClient) -> None:
    """Deadlines on a Monday long past are due as soon as they are set."""
    first = build_report("clock", east_m=1000)
    assert (await client.get("/healthz")).status_code == 200
    await service.append_to_inbox(first)

    steps = await service.await_messages("paidan.cases", 3, about=[case_id_of(first)])

    assert [each["clock"] for each in steps if each["type"] == "case.overdue.v1"] == ["accept", "handle"]
    assert await service.fetch_value("SELECT next_due_at FROM case_now WHERE case_id = $1", case_id_of(first)) is None


async def test_batch_is_answered_per_line_and_backdated_for_importers(
    service: DispatchService, client: httpx.AsyncClient
) -> None:
    first = build_report("past", source="records", past={"owner": "streets", "matched_within": None})
    case_id, headers = case_id_of(first), await service.create_key("role:importer", "backdate")
    action_id = ids.action_id("role:importer:tiny", "l1")  # whatever key it runs under again
    lines = [
        b'{"id":"l1","case_id":"%s","of_report":"%s","occurred_at":"2026-03-02T02:00:00Z","action":{"kind":"accept"}}'
        % (case_id.encode(), first.report_id.encode()),
        b'{"id":"l2","case_id":"nonsense","action":{"kind":"accept"}}',
        b"not json",
    ]
    await service.append_to_inbox(first)

    response = await client.post("/v1/actions/batch", content=b"\n".join(lines), headers=headers)
    found = await await_decision(client, action_id, headers)
    known = await client.post("/v1/outcomes/lookup", json={"ids": [first.report_id, action_id]}, headers=headers)

    assert response.status_code == 202
    answers = [json.loads(line) for line in response.text.splitlines()]
    assert [(each["line"], each["status"], each.get("action_id")) for each in answers] == [
        (1, 202, action_id),
        (2, 422, None),
        (3, 400, None),
    ]
    errors = [answer["error"] for answer in answers[1:]]
    assert [(each["code"], each["field"]) for each in errors] == [("invalid", "case_id"), ("invalid_json", None)]
    assert (found["result"], found["decided_at"]) == ("applied", "2026-03-02T02:00:00Z")
    assert sorted(each["result"] for each in known.json()["outcomes"]) == ["applied", "opened"]
    assert case_id not in str(await service.read_topic("paidan.orders.streets"))
