"""Dispatch's HTTP routes: who may read what, dry runs, and refusals."""

import json
import socket
from typing import Any

import httpx
import pytest

from paidan_contracts import ids
from tests.dispatch.dispatch_service import DispatchService
from tests.dispatch.inbox_entries import build_report, case_id_of
from tests.dispatch.service_client import UNKNOWN_CASE, Headers


async def test_dry_run_evaluates_without_effect(service: DispatchService, client: httpx.AsyncClient) -> None:
    first = build_report("dry", east_m=1500)
    case_id, streets = case_id_of(first), await service.create_key("department:streets") | {"Idempotency-Key": "dry"}
    url = f"/v1/cases/{case_id}/actions?dry-run=true"
    await service.append_to_inbox(first)
    await service.await_messages("paidan.orders.streets", 1, about=[case_id])

    would_be = await client.post(url, json={"action": {"kind": "accept"}}, headers=streets)
    refused = await client.post(url, json={"action": {"kind": "finish"}}, headers=streets)

    assert (would_be.status_code, would_be.json()["result"], would_be.json()["status"]) == (200, "applied", "handling")
    assert (refused.json()["result"], refused.json()["why"]["code"]) == ("refused", "proof_missing")
    assert ids.action_id("department:streets", "dry") not in str(await service.read_topic("paidan.inbox"))


async def test_batch_dry_run_evaluates_each_line_without_effect(
    service: DispatchService, client: httpx.AsyncClient
) -> None:
    first, twin = build_report("dry lines", east_m=3000), build_report("dry twin", east_m=3001)
    operator, streets = await service.create_key("role:operator"), await service.create_key("department:streets")
    await service.append_to_inbox(first, twin)
    merged = await service.await_messages("paidan.outcomes", 2, about=[first.report_id, twin.report_id])

    def line(own: str, action: dict[str, Any], *, case_id: str = case_id_of(first), **more: str) -> str:
        return json.dumps({"id": own, "case_id": case_id, "action": action, **more})

    lines = [
        line("dry 1", {"kind": "accept"}),
        line("dry 2", {"kind": "finish"}),
        line("dry 3", {"kind": "accept"}, case_id=UNKNOWN_CASE),
        line("dry 4", {"kind": "dance"}),
        line("dry 5", {"kind": "accept"}),
    ]
    by_report = line("dry 6", {"kind": "void", "reason": "a"}, case_id=case_id_of(twin), of_report=twin.report_id)
    response = await client.post("/v1/actions/batch?dry-run=true", content="\n".join(lines), headers=streets)
    by_stranger = line("dry 7", {"kind": "accept"}, case_id="tiny.990102-" + "0" * 32, of_report=first.report_id)
    of_reports = await client.post(
        "/v1/actions/batch?dry-run=true", content=f"{by_report}\n{by_stranger}", headers=operator
    )
    answers = [json.loads(each) for each in response.text.splitlines()]

    assert sorted(each["result"] for each in merged) == ["merged", "opened"]
    assert (response.status_code, len(answers)) == (200, 5)
    for number in (0, 4):
        assert (answers[number]["result"], answers[number]["status"]) == ("applied", "handling")
        assert answers[number]["dry_run"] is True
    assert [answers[number]["why"]["code"] for number in (1, 2)] == ["proof_missing", "unknown_case"]
    assert answers[3]["error"]["field"] == "action.kind"
    assert [json.loads(each)["why"]["code"] for each in of_reports.text.splitlines()] == [
        "merged_report",
        "unknown_case",
    ]
    assert '"sender_ref":"dry ' not in json.dumps(await service.read_topic("paidan.inbox"), separators=(",", ":"))


async def test_what_a_department_may_see(service: DispatchService, client: httpx.AsyncClient) -> None:
    first, lamp = build_report("see", east_m=2000), build_report("lamp", east_m=500, class_code="C0137")
    streets, lamps = await service.create_key("department:streets"), await service.create_key("department:lamps")
    monitor, elsewhere = (
        await service.create_key("role:monitor"),
        await service.create_key("role:monitor", city="other"),
    )
    await service.append_to_inbox(first, lamp)
    await service.await_messages("paidan.orders.lamps", 1, about=[case_id_of(lamp)])
    await service.await_messages("paidan.orders.streets", 1, about=[case_id_of(first)])

    snapshot = (await client.get("/v1/orders", headers=lamps)).json()
    own = await client.get(f"/v1/cases/{case_id_of(first)}", headers=streets)

    assert [each["order"]["case_id"] for each in snapshot["orders"]] == [case_id_of(lamp)]
    assert own.json()["order"]["case_id"] == case_id_of(first)
    assert "reporter" not in own.text
    for url, headers, status in (
        (f"/v1/cases/{case_id_of(first)}", lamps, 404),
        (f"/v1/cases/{case_id_of(first)}", elsewhere, 404),
        ("/v1/cases", lamps, 403),
        ("/v1/cases?city=tiny", elsewhere, 403),
        ("/v1/orders?department=streets", lamps, 403),
        ("/v1/orders", monitor, 422),
        ("/v1/cases?limit=9999", monitor, 422),
        ("/v1/cases?after=!!", monitor, 422),
        ("/v1/cases?nonsense=1", monitor, 422),
        ("/v1/cases/nonsense", monitor, 422),
        ("/v1/actions/nonsense", monitor, 422),
        ("/v1/cases/", monitor, 404),
        ("/v1/cases", {}, 401),
    ):
        response = await client.get(url, headers=headers)
        assert response.status_code == status, (url, response.text)
        assert response.json()["error"]["code"]


async def test_orders_are_paged(service: DispatchService, client: httpx.AsyncClient) -> None:
    """One answer of every order would grow with a department's backlog."""
    reports = [build_report(f"order {n}", minutes=n, east_m=6000 + 200 * n) for n in range(5)]
    streets = await service.create_key("department:streets")
    await service.append_to_inbox(*reports)
    await service.await_messages("paidan.orders.streets", 5, about=[case_id_of(each) for each in reports])
    whole = (await client.get("/v1/orders", headers=streets)).json()

    seen, after = [], ""
    while after is not None:
        query = f"?limit=2&after={after}" if after else "?limit=2"
        page = (await client.get(f"/v1/orders{query}", headers=streets)).json()
        assert len(page["orders"]) <= 2
        seen += page["orders"]
        after = page["after"]
    foreign = await service.create_key("department:streets", city="other")

    assert whole["after"] is None
    # Time limits pass meanwhile, so that versions differ.
    assert [each["order"]["order_id"] for each in seen] == [each["order"]["order_id"] for each in whole["orders"]]
    assert {case_id_of(each) for each in reports} <= {each["order"]["case_id"] for each in seen}
    assert (await client.get("/v1/orders", headers=foreign)).json()["orders"] == []
    assert (await client.get("/v1/orders?after=!!", headers=streets)).status_code == 422


async def test_lists_are_paged_and_queues_are_filters(service: DispatchService, client: httpx.AsyncClient) -> None:
    there: dict[str, Any] = {"area": "tiny.990102"}
    reports = [build_report(f"list {n}", minutes=n, east_m=200 * n, **there) for n in range(7)]
    unplaced = build_report("hawker", minutes=8, class_code="E0401", **there)
    monitor = await service.create_key("role:monitor")
    await service.append_to_inbox(*reports, unplaced)
    await service.await_messages("paidan.outcomes", 8, about=[each.report_id for each in (*reports, unplaced)])

    seen: list[str] = []
    query = {**there, "limit": "3"}
    while query.get("after") != "":
        page = (await client.get("/v1/cases", params=query, headers=monitor)).json()
        assert "cases" in page, page
        seen += [each["case_id"] for each in page["cases"]]
        query["after"] = page["after"] or ""

    async def ids_of(query: str) -> list[str]:
        page = (await client.get(f"/v1/cases?area=tiny.990102&{query}", headers=monitor)).json()
        assert "cases" in page, page
        return [each["case_id"] for each in page["cases"]]

    assert seen == [case_id_of(each) for each in (unplaced, *reversed(reports))]
    assert await ids_of("status=filed&order=oldest") == [case_id_of(unplaced)]
    assert len(await ids_of("status=dispatched&status=closed&class_code=E0110")) == 7
    assert await ids_of("status=closed&not_called_back=true") == []
    assert await ids_of("held=true") == [case_id_of(unplaced)]
    assert len(await ids_of("overdue=false")) == 8
    assert await ids_of("due_before=1999-01-01T00:00:00Z") == []


@pytest.mark.parametrize(
    ("headers", "body", "status", "field"),
    [
        ({}, {"action": {"kind": "accept"}}, 400, "Idempotency-Key"),
        ({}, {"action": "dance"}, 400, "Idempotency-Key"),
        ({}, {"nothing": 1}, 400, "Idempotency-Key"),
        ({"Idempotency-Key": " "}, {"action": {"kind": "accept"}}, 400, "Idempotency-Key"),
        ({"Idempotency-Key": "k"}, {"action": {"kind": "accept", "more": 1}}, 422, "action.accept.more"),
        ({"Idempotency-Key": "k"}, {"action": {"kind": "finish", "latitude": 36.65}}, 422, "action.finish.longitude"),
        ({"Idempotency-Key": "k" * 201}, {"action": {"kind": "accept"}}, 422, "Idempotency-Key"),
        ({"Idempotency-Key": "k"}, {"action": {"kind": "dance"}}, 422, "action.kind"),
        ({"Idempotency-Key": "k"}, {"action": {"kind": "finish", "text": "a\x00b"}}, 422, "action.finish.text"),
        ({"Idempotency-Key": "k"}, {"action": {"kind": "accept"}, "more": 1}, 422, "more"),
        ({"Idempotency-Key": "k"}, {"action": {"kind": "accept"}, "occurred_at": "2026-13-01"}, 422, "occurred_at"),
        ({"Idempotency-Key": "k"}, {}, 422, "action"),
    ],
)
async def test_invalid_request_names_its_field(
    service: DispatchService, client: httpx.AsyncClient, headers: Headers, body: dict[str, Any], status: int, field: str
) -> None:  # fmt: skip
    streets = await service.create_key("department:streets")

    response = await client.post(f"/v1/cases/{UNKNOWN_CASE}/actions", json=body, headers=streets | headers)

    assert (response.status_code, response.json()["error"]["field"]) == (status, field)


async def test_action_is_accepted_only_once_kafka_has_it(service: DispatchService) -> None:
    """After a 503 it may have been stored all the same, so the client sends it again under the same key."""
    operator = await service.create_key("role:operator")
    void = {"kind": "void", "reason": "a joke"}
    with socket.socket() as closed_port:
        closed_port.bind(("127.0.0.1", 0))
        async with service.run_in_process("edge", kafka=f"127.0.0.1:{closed_port.getsockname()[1]}") as edge:
            response = await edge.post(
                f"/v1/cases/{UNKNOWN_CASE}/actions",
                json={"action": void},
                headers=operator | {"Idempotency-Key": "503"},
            )
            line = json.dumps({"id": "503", "case_id": UNKNOWN_CASE, "action": void})
            batch = await edge.post("/v1/actions/batch", content=line, headers=operator)
            still = await edge.get("/v1/cases", headers=operator)

    for answer in (response, batch):
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")
        assert int(answer.headers["retry-after"]) > 0
    assert still.status_code == 200


async def test_dry_run_of_another_departments_case_is_answered_as_if_there_were_none(
    service: DispatchService, client: httpx.AsyncClient
) -> None:
    """A refusal names the state, by which any department could follow every case."""
    first = build_report("foreign dry", east_m=5000)
    lamps = await service.create_key("department:lamps")
    await service.append_to_inbox(first)
    await service.await_messages("paidan.orders.streets", 1, about=[case_id_of(first)])

    async def answers(case_id: str) -> list[str]:
        key = lamps | {"Idempotency-Key": "4711"}
        bodies = [{"action": each} for each in ({"kind": "accept"}, {"kind": "void", "reason": "a"}, {"kind": "urge"})]
        url = f"/v1/cases/{case_id}/actions?dry-run=true"
        line = json.dumps({"id": "4711", "case_id": case_id, "action": {"kind": "accept"}})
        one_by_one = [(await client.post(url, json=body, headers=key)).text for body in bodies]
        batch = await client.post("/v1/actions/batch?dry_run=true", content=line, headers=lamps)
        return [each.replace(case_id, "<case>") for each in (*one_by_one, batch.text)]

    foreign = await answers(case_id_of(first))
    source = await service.create_key("source:photo") | {"Idempotency-Key": "4711"}
    urge = {"action": {"kind": "urge"}}
    of_source = [
        (await client.post(f"/v1/cases/{each}/actions?dry-run=true", json=urge, headers=source)).json()
        for each in (case_id_of(first), UNKNOWN_CASE)
    ]

    assert [(each["status"], each["why"]["code"]) for each in of_source] == [(None, "unknown_case")] * 2
    assert foreign == await answers(UNKNOWN_CASE)
    assert all("unknown_case" in each and '"status":null' in each.replace(" ", "") for each in foreign)
