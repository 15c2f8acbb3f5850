"""The main road through a real Kafka: reports in, orders out, answers by both doors, timers, what may be read."""

import json
import socket
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from paidan_contracts import ids
from paidan_contracts.orders import OrderIssued
from tests import servers as real
from tests.dispatch import shell_stage
from tests.dispatch.shell_ground import case_of, in_force, report
from tests.dispatch.shell_stage import Stage
from tests.polling import poll

PROOF = "a" * 64 + ".jpg"
NOBODYS = "tiny-" + "0" * 32
Headers = dict[str, str]


@pytest.fixture(scope="module")
async def stage(servers: real.Servers) -> AsyncIterator[Stage]:
    """One dispatch plays for the whole module; each test has reports, answers and keys of its own."""
    prefix = f"t{uuid.uuid4().hex[:10]}."
    async with real.fresh_database(servers) as dsn, shell_stage.open_stage(servers.kafka, prefix, dsn) as opened:
        yield opened


@pytest.fixture(scope="module")
async def client(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    async with stage.here() as edge:
        await stage.say(in_force())
        yield edge


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


async def test_the_main_road_by_both_doors(stage: Stage, client: httpx.AsyncClient) -> None:
    first = report("road")
    case_id = case_of(first)
    inspector, caller, monitor = [await stage.key(f"role:{role}") for role in ("inspector", "caller", "monitor")]
    streets = await stage.key("department:streets")

    await stage.say(first)
    issued = (await stage.comes("paidan.orders.streets", 1, about=[case_id]))[0]
    await stage.answer("streets", {"id": "a1", "case_id": case_id, "action": {"kind": "accept"}})
    accepted = await decided(client, ids.action_id("department:streets", "a1"), streets)
    finished = await acted(client, case_id, {"kind": "finish", "proof": [PROOF]}, streets)
    inspected = await acted(client, case_id, {"kind": "inspect", "passed": True}, inspector)
    called = await acted(client, case_id, {"kind": "call_back", "rating": "satisfied"}, caller)

    assert OrderIssued.model_validate(issued).order.case_id == case_id
    assert [each["result"] for each in (accepted, finished, inspected, called)] == ["applied"] * 4
    shown = (await client.get(f"/v1/cases/{case_id}", headers=monitor)).json()
    steps = [each for each in await stage.read("paidan.cases") if each["case_id"] == case_id]
    assert [each["version"] for each in steps] == list(range(1, len(steps) + 1))
    assert [entry["event"] for entry in shown["history"]] == steps
    assert (shown["chain_holds"], shown["case"]["status"]) == (True, "closed")
    assert [each["rule"] for each in shown["receipts"]] == ["default_row", "rubbish"]


async def test_the_two_doors_agree_on_ids_and_content(stage: Stage, client: httpx.AsyncClient) -> None:
    """A department may change doors over any day: what it sent by one is a repeat at the other."""
    first = report("doors", east_m=500)
    case_id, streets = case_of(first), await stage.key("department:streets")
    action_id = ids.action_id("department:streets", "d1")
    await stage.say(first)
    await stage.comes("paidan.orders.streets", 1, about=[case_id])

    await stage.answer("streets", {"id": "d1", "case_id": case_id, "action": {"kind": "accept"}})
    await decided(client, action_id, streets)
    for action in ({"kind": "accept"}, {"kind": "finish"}):
        got = await client.post(
            f"/v1/cases/{case_id}/actions", json={"action": action}, headers=streets | {"Idempotency-Key": "d1"}
        )
        assert got.json()["action_id"] == action_id
    outcomes = await stage.comes("paidan.outcomes", 2, about=[action_id])

    outcomes.sort(key=lambda each: each["result"])
    assert [each["result"] for each in outcomes] == ["applied", "refused"]
    assert (outcomes[1]["why"]["code"], outcomes[1]["repeats"]) == ("id_reused", action_id)


async def test_an_unreadable_answer_is_buried_and_its_department_told_which_field(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    assert (await client.get("/healthz")).status_code == 200
    await stage.answer("lamps", {"id": "x9", "case_id": NOBODYS, "action": {"kind": "return", "code": "because"}})
    await stage.answer("lamps", b"\xff not JSON")
    await stage.answer("lamps", {"id": "x10", "case_id": NOBODYS, "action": {"kind": "accept"}})

    told = [each for each in await stage.comes("paidan.orders.lamps", 3) if each["type"] == "answer.refused.v1"]
    letters = await stage.comes("paidan.dead-letters", 2, about=["paidan.answers.lamps"])

    # The first two are told by the desk, the third by the lane: nothing orders the one before the other.
    told.sort(key=lambda each: each["answer_offset"])
    assert [each["why"]["code"] for each in told] == ["invalid_field", "unreadable", "unknown_case"]
    assert told[0]["why"]["field"] == "action.return.code"
    assert (told[0]["your_id"], told[0]["case_id"], told[0]["answer_offset"]) == ("x9", NOBODYS, 0)
    assert (told[2]["your_id"], told[2]["answer_offset"]) == ("x10", 2)
    assert [each["reason"] for each in letters] == ["invalid_field", "unreadable"]
    assert "because" not in str(told) + str(letters)


async def test_a_department_that_nobody_knows_is_not_heard(stage: Stage, client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz")).status_code == 200
    await stage.answer("strangers", {"id": "s1", "case_id": NOBODYS, "action": {"kind": "accept"}})

    letters = await stage.comes("paidan.dead-letters", 1, about=["paidan.answers.strangers"])

    assert [each["reason"] for each in letters] == ["unknown_department"]
    assert ids.action_id("department:strangers", "s1") not in str(await stage.read("paidan.inbox"))


async def test_a_clock_that_runs_out_is_noted_by_itself(stage: Stage, client: httpx.AsyncClient) -> None:
    """The tiny city's clocks of a Monday long past are due as soon as they are set."""
    first = report("clock", east_m=1000)
    assert (await client.get("/healthz")).status_code == 200
    await stage.say(first)

    steps = await stage.comes("paidan.cases", 4, about=[case_of(first)])

    assert [each["clock"] for each in steps if each["type"] == "case.overdue.v1"] == ["accept", "handle"]
    assert await stage.value("SELECT count(*) FROM timer WHERE case_id = $1", case_of(first)) == 0


async def test_a_dry_run_judges_and_does_nothing(stage: Stage, client: httpx.AsyncClient) -> None:
    first = report("dry", east_m=1500)
    case_id, streets = case_of(first), await stage.key("department:streets") | {"Idempotency-Key": "dry"}
    url = f"/v1/cases/{case_id}/actions?dry-run=true"
    await stage.say(first)
    await stage.comes("paidan.orders.streets", 1, about=[case_id])

    would_be = await client.post(url, json={"action": {"kind": "accept"}}, headers=streets)
    refused = await client.post(url, json={"action": {"kind": "finish"}}, headers=streets)

    assert (would_be.status_code, would_be.json()["result"], would_be.json()["status"]) == (200, "applied", "handling")
    assert (refused.json()["result"], refused.json()["why"]["code"]) == ("refused", "not_allowed_in_state")
    assert ids.action_id("department:streets", "dry") not in str(await stage.read("paidan.inbox"))


async def test_a_batch_is_answered_line_by_line_and_dated_back_for_an_importer(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    first = report("past", source="records", past={"owner": "streets", "matched_within": None})
    case_id, headers = case_of(first), await stage.key("role:importer", "backdate")
    action_id = ids.action_id("role:importer:tiny", "l1")  # whatever key it runs under again
    lines = [
        b'{"id":"l1","case_id":"%s","of_report":"%s","occurred_at":"2026-03-02T02:00:00Z","action":{"kind":"accept"}}'
        % (case_id.encode(), first.report_id.encode()),
        b'{"id":"l2","case_id":"nonsense","action":{"kind":"accept"}}',
        b"not json",
    ]
    await stage.say(first)

    got = await client.post("/v1/actions/batch", content=b"\n".join(lines), headers=headers)
    found = await decided(client, action_id, headers)
    known = await client.post("/v1/outcomes/lookup", json={"ids": [first.report_id, action_id]}, headers=headers)

    assert got.status_code == 202
    assert [
        word in line
        for word, line in zip(("action_id", '"case_id"', "invalid_json"), got.text.splitlines(), strict=True)
    ]
    assert (found["result"], found["decided_at"]) == ("applied", "2026-03-02T02:00:00Z")
    assert sorted(each["result"] for each in known.json()["outcomes"]) == ["applied", "opened"]
    assert case_id not in str(await stage.read("paidan.orders.streets"))


async def test_what_a_department_may_see(stage: Stage, client: httpx.AsyncClient) -> None:
    first, lamp = report("see", east_m=2000), report("lamp", east_m=500, class_code="C0137")
    streets, lamps = await stage.key("department:streets"), await stage.key("department:lamps")
    monitor, elsewhere = await stage.key("role:monitor"), await stage.key("role:monitor", city="other")
    await stage.say(first, lamp)
    await stage.comes("paidan.orders.lamps", 1, about=[case_of(lamp)])
    await stage.comes("paidan.orders.streets", 1, about=[case_of(first)])

    snapshot = (await client.get("/v1/orders", headers=lamps)).json()
    own = await client.get(f"/v1/cases/{case_of(first)}", headers=streets)

    assert [each["order"]["case_id"] for each in snapshot["orders"]] == [case_of(lamp)]
    assert own.json()["order"]["case_id"] == case_of(first)
    assert "reporter" not in own.text
    for url, headers, status in (
        (f"/v1/cases/{case_of(first)}", lamps, 404),
        (f"/v1/cases/{case_of(first)}", elsewhere, 404),
        ("/v1/cases", lamps, 403),
        ("/v1/cases?city=tiny", elsewhere, 403),
        ("/v1/orders?department=streets", lamps, 403),
        ("/v1/orders", monitor, 422),
        ("/v1/cases?limit=9999", monitor, 422),
        ("/v1/cases?after=!!", monitor, 422),
        ("/v1/cases?nonsense=1", monitor, 422),
        ("/v1/cases/nonsense", monitor, 422),
        ("/v1/actions/nonsense", monitor, 404),
        ("/v1/cases", {}, 401),
    ):
        got = await client.get(url, headers=headers)
        assert got.status_code == status, (url, got.text)
        assert got.json()["error"]["code"]


async def test_lists_are_paged_and_queues_are_filters(stage: Stage, client: httpx.AsyncClient) -> None:
    there: dict[str, Any] = {"area": "tiny.990102"}
    reports = [report(f"list {n}", minutes=n, east_m=200 * n, **there) for n in range(7)]
    unplaced = report("hawker", minutes=8, class_code="E0401", **there)
    monitor = await stage.key("role:monitor")
    await stage.say(*reports, unplaced)
    await stage.comes("paidan.outcomes", 8, about=[each.report_id for each in (*reports, unplaced)])

    seen: list[str] = []
    asked = {**there, "limit": "3"}
    while asked.get("after") != "":
        page = (await client.get("/v1/cases", params=asked, headers=monitor)).json()
        assert "cases" in page, page
        seen += [each["case_id"] for each in page["cases"]]
        asked["after"] = page["after"] or ""

    async def ids_of(query: str) -> list[str]:
        page = (await client.get(f"/v1/cases?area=tiny.990102&{query}", headers=monitor)).json()
        assert "cases" in page, page
        return [each["case_id"] for each in page["cases"]]

    assert seen == [case_of(each) for each in (unplaced, *reversed(reports))]
    assert await ids_of("status=filed&order=oldest") == [case_of(unplaced)]
    assert len(await ids_of("status=dispatched&status=closed&class_code=E0110")) == 7
    assert await ids_of("status=closed&not_called_back=true") == []


@pytest.mark.parametrize(
    ("headers", "body", "status", "field"),
    [
        ({}, {"action": {"kind": "accept"}}, 400, "Idempotency-Key"),
        ({"Idempotency-Key": "k" * 201}, {"action": {"kind": "accept"}}, 422, "Idempotency-Key"),
        ({"Idempotency-Key": "k"}, {"action": {"kind": "dance"}}, 422, "action"),
        ({"Idempotency-Key": "k"}, {"action": {"kind": "finish", "text": "a\x00b"}}, 422, "action.finish.text"),
        ({"Idempotency-Key": "k"}, {"action": {"kind": "accept"}, "more": 1}, 422, "more"),
        ({"Idempotency-Key": "k"}, {"action": {"kind": "accept"}, "occurred_at": "2026-01-01"}, 422, "occurred_at"),
        ({"Idempotency-Key": "k"}, {}, 422, "action"),
    ],
)
async def test_a_request_that_is_wrong_is_told_which_field(
    stage: Stage, client: httpx.AsyncClient, headers: Headers, body: dict[str, Any], status: int, field: str
) -> None:  # fmt: skip
    streets = await stage.key("department:streets")

    got = await client.post(f"/v1/cases/{NOBODYS}/actions", json=body, headers=streets | headers)

    assert (got.status_code, got.json()["error"]["field"]) == (status, field)


async def test_nothing_is_taken_that_kafka_has_not_got(stage: Stage) -> None:
    """202 is a promise; 503 says that it may have been kept all the same, so it is sent again under the same key."""
    operator = await stage.key("role:operator")
    void = {"kind": "void", "reason": "a joke"}
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        async with stage.here("edge", kafka=f"127.0.0.1:{nobody.getsockname()[1]}") as edge:
            got = await edge.post(
                f"/v1/cases/{NOBODYS}/actions", json={"action": void}, headers=operator | {"Idempotency-Key": "503"}
            )
            line = json.dumps({"id": "503", "case_id": NOBODYS, "action": void})
            batch = await edge.post("/v1/actions/batch", content=line, headers=operator)
            still = await edge.get("/v1/cases", headers=operator)

    for answer in (got, batch):
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")
        assert int(answer.headers["retry-after"]) > 0
    assert still.status_code == 200
