"""One suite of a department's requests, over HTTP and over Kafka: the same outcomes, states and histories."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, Literal

import asyncpg
import httpx
import pytest

from paidan_chassis.kafka.message import Message
from paidan_contracts import ids
from paidan_contracts.actions import KNOWN_ACTION_KINDS, Accept, Action, Finish, Inspect, Verify, Void
from paidan_contracts.topics import INBOX, answers_topic_of
from paidan_contracts.wire import WireModel
from tests.dispatch.database_fixture import build_action, build_report, case_id_of, photo_stored
from tests.dispatch.dispatch_service import DispatchService
from tests.dispatch.service_client import UNKNOWN_CASE, await_decision
from tests.polling import poll

Door = Literal["http", "kafka"]
DOORS: Final[tuple[Door, ...]] = ("http", "kafka")
STREETS: Final = "department:streets"
FILLED: Final[dict[str, dict[str, Any]]] = {
    "verify": {"verified": True},
    "file": {"row_id": "E0110-1", "reason": "seen"},
    "assign": {"department": "lamps", "reason": "theirs"},
    "redispatch": {"department": "lamps", "reason": "theirs"},
    "return": {"code": "other", "reason": "not ours"},
    "inspect": {"passed": True},
    "call_back": {"rating": "satisfied"},
    "void": {"reason": "a joke"},
    "amend": {"reason": "a later export"},
    "reply": {"text": "thank you"},
}
STATES: Final = ("received", "filed", "dispatched", "handling", "inspecting", "closed", "voided", "not_accepted")
VARIANTS: Final[dict[str, dict[str, Any]]] = {
    **{kind: {"kind": kind, **FILLED.get(kind, {})} for kind in sorted(KNOWN_ACTION_KINDS)},
    "finish with a proof": {"kind": "finish", "text": "swept", "proof": ["<own>"]},
    "finish with a proof of another's": {"kind": "finish", "proof": ["<another's>"]},
    "finish with a proof never stored": {"kind": "finish", "proof": ["f" * 64 + ".jpg"]},
    "return without a reason": {"kind": "return", "code": "other", "reason": " "},
    "return for a reason of no list": {"kind": "return", "code": "too_far", "reason": "far"},
}


@dataclass(frozen=True)
class Request:
    """One request on a case of its own, which is in a state."""

    state: str
    variant: str
    door: Door
    east_m: float

    @property
    def report(self) -> Any:  # noqa: ANN401 - a report
        """The report that opens its case, far from every other."""
        kind: dict[str, Any] = {
            "received": {"source": "camera"},
            "not_accepted": {"source": "camera"},
            "filed": {"class_code": "E0401"},
        }.get(self.state, {})
        return build_report(f"{self.state} {self.variant} {self.door}", east_m=self.east_m, **kind)

    @property
    def case_id(self) -> str:
        return case_id_of(self.report)

    @property
    def own_id(self) -> str:
        return f"{self.state} {self.variant} {self.door}"

    @property
    def action_id(self) -> str:
        return ids.action_id(STREETS, self.own_id)

    def proof(self, by: str) -> str:
        return sha256(f"{self.case_id} {by}".encode()).hexdigest() + ".jpg"

    @property
    def action(self) -> dict[str, Any]:
        action = dict(VARIANTS[self.variant])
        proofs = {"<own>": self.proof(STREETS), "<another's>": self.proof("department:lamps")}
        return action | ({"proof": [proofs.get(each, each) for each in action["proof"]]} if "proof" in action else {})

    def log(self) -> Iterator[WireModel]:
        """Yield what leads to its state."""
        yield self.report
        for by in (STREETS, "department:lamps"):
            yield photo_stored(self.case_id, self.proof(by), by=by, minutes=1)
        first_proof = sha256(self.case_id.encode()).hexdigest() + ".jpg"
        steps: dict[str, list[tuple[Action, str]]] = {
            "handling": [(Accept(), STREETS)],
            "inspecting": [(Finish(proof=(first_proof,)), STREETS)],
            "closed": [(Finish(proof=(first_proof,)), STREETS), (Inspect(passed=True), "inspector:ivy")],
            "voided": [(Void(reason="x"), "operator:olga")],
            "not_accepted": [(Verify(verified=False, reason="x"), "inspector:ivy")],
        }
        yield photo_stored(self.case_id, first_proof, minutes=1)
        for minute, (action, by) in enumerate(steps.get(self.state, []), start=2):
            yield build_action(self.case_id, action, by=by, minutes=minute, door="http")


REQUESTS: Final = [
    Request(state, variant, door, 100.0 * number)
    for number, (state, variant, door) in enumerate(
        (state, variant, door) for state in STATES for variant in VARIANTS for door in DOORS
    )
]


async def _send_to_inbox(service: DispatchService, entries: Iterable[WireModel]) -> None:
    messages = [Message(INBOX.name, "tiny", each.model_dump_json().encode(), ()) for each in entries]
    await service.publisher.send(messages)


async def _await_outcomes(service: DispatchService, expected: Iterable[str]) -> None:
    wanted = list(expected)

    async def are_decided() -> bool:
        found = await service.fetch_value("SELECT count(*) FROM outcome WHERE id = ANY($1::uuid[])", wanted)
        return bool(found == len(wanted))

    await poll(are_decided, within_s=90, what="every request decided")


async def _what_became(service: DispatchService, requests: Iterable[Request]) -> dict[tuple[str, str, Door], Any]:
    """Return outcome, state and history of each, without ids and times."""
    conn = await asyncpg.connect(service.dsn, server_settings={"search_path": "dispatch"})
    try:
        return {(each.state, each.variant, each.door): await _became(conn, each) for each in requests}
    finally:
        await conn.close()


async def _became(conn: "asyncpg.Connection[Any]", request: Request) -> Any:  # noqa: ANN401 - to compare
    [outcome] = await conn.fetch("SELECT result, why FROM outcome WHERE id = $1", request.action_id)
    events = await conn.fetch("SELECT event FROM history WHERE case_id = $1 ORDER BY version", request.case_id)
    bodies = [json.loads(each["event"]) for each in events]
    # Limits of a Monday long past are overdue as soon as they run: when is up to the timer loop.
    steps = [each for each in bodies if "overdue" not in each["type"]]
    why = json.loads(outcome["why"]) if outcome["why"] else None
    if why:
        for name in ("message", "message_zh"):
            why[name] = _without_own_ids(why[name], request)
    state = bodies[-1]["state"]
    return {
        "outcome": (outcome["result"], why),
        "status": (state["status"], state.get("department"), len(steps), len(state["assignments"])),
        "history": [(each["type"], each.get("reason"), each.get("text")) for each in steps],
        "clocks": [each["kind"] for each in state["clocks"]],
    }


def _without_own_ids(text: str, request: Request) -> str:
    for name in (request.case_id, request.proof(STREETS), request.proof("department:lamps")):
        text = text.replace(name, "<own>")
    return text


async def test_every_action_in_every_state_ends_alike_at_both_doors(
    service: DispatchService, client: httpx.AsyncClient
) -> None:
    await _send_to_inbox(service, (entry for request in REQUESTS for entry in request.log()))
    await _await_outcomes(service, (each.report.report_id for each in REQUESTS))
    lines = [
        json.dumps({"id": each.own_id, "case_id": each.case_id, "action": each.action})
        for each in REQUESTS
        if each.door == "http"
    ]
    answers = [
        json.dumps({"id": each.own_id, "case_id": each.case_id, "action": each.action}).encode()
        for each in REQUESTS
        if each.door == "kafka"
    ]

    response = await client.post(
        "/v1/actions/batch", content="\n".join(lines), headers=await service.create_key(STREETS)
    )
    await service.publisher.send([Message(answers_topic_of("streets").name, "k", each, ()) for each in answers])
    refused_by_http = {
        json.loads(sent)["id"]: answer["error"]
        for sent, answer in zip(lines, map(json.loads, response.text.splitlines()), strict=True)
        if "error" in answer
    }
    taken = [each for each in REQUESTS if each.own_id not in refused_by_http]
    await _await_outcomes(service, (each.action_id for each in taken))
    became = await _what_became(service, taken)

    assert {own_id.split(" ", 1)[1].rsplit(" ", 1)[0] for own_id in refused_by_http} <= {
        "return for a reason of no list"
    }
    for state in STATES:
        for variant in VARIANTS:
            over_kafka = became[state, variant, "kafka"]
            if (state, variant, "http") in became:
                assert became[state, variant, "http"] == over_kafka, (state, variant)
            else:
                assert over_kafka["outcome"][0] == "refused", (state, variant)
    applied = {(state, variant) for (state, variant, _), each in became.items() if each["outcome"][0] == "applied"}
    assert applied == {
        ("dispatched", "accept"),
        ("dispatched", "return"),
        ("dispatched", "finish with a proof"),
        ("handling", "return"),
        ("handling", "finish with a proof"),
    }
    codes = {each["outcome"][1]["code"] for each in became.values() if each["outcome"][1]}
    assert codes >= {
        "not_supported_yet",
        "not_your_role",
        "not_allowed_in_state",
        "unknown_photo",
        "proof_missing",
        "reason_missing",
    }


async def test_unknown_kind_is_refused_by_name_at_both_doors(
    service: DispatchService, client: httpx.AsyncClient
) -> None:
    """Over Kafka with an outcome and a word to the department, and never as a dead letter."""
    streets = await service.create_key(STREETS)
    whistle = {"kind": "whistle", "note": "13812345678"}
    await service.append_answer("streets", {"id": "w1", "case_id": UNKNOWN_CASE, "action": whistle})
    report = build_report("whistle", east_m=60_000)
    await service.append_to_inbox(report)
    await service.await_messages("paidan.orders.streets", 1, about=[case_id_of(report)])
    await service.append_answer("streets", {"id": "w2", "case_id": case_id_of(report), "action": whistle})

    over_http = await client.post(
        f"/v1/cases/{case_id_of(report)}/actions", json={"action": whistle}, headers=streets | {"Idempotency-Key": "w"}
    )
    over_kafka = await await_decision(client, ids.action_id(STREETS, "w2"), streets)

    error = over_http.json()["error"]
    assert (over_http.status_code, error["code"], error["field"]) == (422, "invalid", "action")
    assert (over_kafka["result"], over_kafka["why"]["code"]) == ("refused", "unknown_action")
    for text in (error["message"], error["message_zh"], over_kafka["why"]["message"], over_kafka["why"]["message_zh"]):
        assert "finish" in text
        assert "tag" not in text
    assert "处置完成" in over_kafka["why"]["message_zh"]
    assert "13812345678" not in json.dumps(await service.read_topic("paidan.inbox"))
    letters = json.dumps(await service.read_topic("paidan.dead-letters"))
    assert "paidan.answers.streets" not in letters


async def test_unknown_field_is_taken_over_kafka_and_noted_once(
    service: DispatchService, client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    """Vendors add what they like to their answers; a misspelt field of an HTTP request is refused by name."""
    report, streets = build_report("extra", east_m=61_000), await service.create_key(STREETS)
    case_id = case_id_of(report)
    await service.append_to_inbox(report)
    await service.await_messages("paidan.orders.streets", 1, about=[case_id])
    extra = {"kind": "accept", "dept_note": "x"}

    refused = await client.post(
        f"/v1/cases/{case_id}/actions", json={"action": extra}, headers=streets | {"Idempotency-Key": "extra"}
    )
    for own_id in ("e1", "e2"):
        await service.append_answer("streets", {"id": own_id, "case_id": case_id, "action": extra, "vendor": 7})
    outcomes = [await await_decision(client, ids.action_id(STREETS, own_id), streets) for own_id in ("e1", "e2")]

    assert (refused.status_code, "dept_note" in refused.json()["error"]["field"]) == (422, True)
    assert [each["result"] for each in outcomes] == ["applied", "refused"]
    noted = capsys.readouterr().out
    assert noted.count("field=action.dept_note") == noted.count("field=vendor") == 1


async def test_refused_request_is_refused_again_at_both_doors_and_a_new_try_is_judged_anew(
    service: DispatchService, client: httpx.AsyncClient
) -> None:
    report, streets = build_report("again", east_m=62_000), await service.create_key(STREETS)
    case_id = case_id_of(report)
    await service.append_to_inbox(report)
    await service.await_messages("paidan.orders.streets", 1, about=[case_id])
    ref = sha256(b"again").hexdigest() + ".jpg"
    finish = {"kind": "finish", "proof": [ref]}

    async def post(key: str, query: str = "") -> Any:  # noqa: ANN401 - a response
        url, headers = f"/v1/cases/{case_id}/actions{query}", streets | {"Idempotency-Key": key}
        return (await client.post(url, json={"action": finish}, headers=headers)).json()

    first = await post("f1")
    await await_decision(client, first["action_id"], streets)
    await service.append_to_inbox(photo_stored(case_id, ref, minutes=5))
    again, dry = await post("f1"), await post("f1", "?dry-run=true")
    answer = {"id": "f1", "case_id": case_id, "action": finish}
    await service.append_answer("streets", answer)
    told = await service.await_messages("paidan.orders.streets", 2, about=[case_id])
    line = json.dumps(answer)
    batch = await client.post("/v1/actions/batch", content=line, headers=streets)
    anew = await await_decision(client, (await post("f2"))["action_id"], streets)

    assert first == {"action_id": ids.action_id(STREETS, "f1")}
    for body in (again, dry, json.loads(batch.text)):
        assert (body["action_id"], body["result"]) == (first["action_id"], "refused")
        assert body["why"]["code"] == "unknown_photo"
    [refusal] = [each for each in told if each["type"] == "answer.refused.v1"]
    assert (refusal["your_id"], refusal["why"]) == ("f1", again["why"])
    assert anew["result"] == "applied"


async def test_two_keys_in_chinese_are_two_actions_and_the_same_two_at_both_doors(
    service: DispatchService, client: httpx.AsyncClient
) -> None:
    report, streets = build_report("keys", east_m=63_000), await service.create_key(STREETS)
    case_id = case_id_of(report)
    await service.append_to_inbox(report)
    await service.await_messages("paidan.orders.streets", 1, about=[case_id])
    own_ids, accept = ("4711-内", "4711-冠"), {"kind": "accept"}

    for own_id in own_ids:
        await service.append_answer("streets", {"id": own_id, "case_id": case_id, "action": accept})
    decided = [await await_decision(client, ids.action_id(STREETS, own_id), streets) for own_id in own_ids]
    url, body = f"/v1/cases/{case_id}/actions", {"action": accept}
    repeats = [
        await client.post(
            url,
            json=body,
            headers=[
                (name.encode(), value.encode()) for name, value in (streets | {"Idempotency-Key": own_id}).items()
            ],
        )
        for own_id in own_ids
    ]

    assert [each["result"] for each in decided] == ["applied", "refused"]
    assert [each.json()["action_id"] for each in repeats] == [each["id"] for each in decided]
    assert [each.status_code for each in repeats] == [202, 202]
