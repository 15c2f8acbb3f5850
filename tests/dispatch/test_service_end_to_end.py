"""The main road through a real Kafka: reports in, orders out, answers by both doors, timers."""

import httpx

from paidan_contracts import ids
from paidan_contracts.orders import OrderIssued
from tests.dispatch.database_fixture import case_of, report
from tests.dispatch.dispatch_service import Stage
from tests.dispatch.service_client import (
    NOBODYS,
    PROOF,
    acted,
    decided,
)


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
    got = [
        await client.post(
            f"/v1/cases/{case_id}/actions", json={"action": action}, headers=streets | {"Idempotency-Key": "d1"}
        )
        for action in ({"kind": "accept"}, {"kind": "finish"})
    ]
    await stage.answer("streets", {"id": "d1", "case_id": case_id, "action": {"kind": "finish"}})
    outcomes = await stage.comes("paidan.outcomes", 2, about=[action_id])

    assert [each.status_code for each in got] == [202, 409]
    assert got[0].json()["action_id"] == action_id
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
