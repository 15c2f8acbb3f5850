"""What departments send that is unknown, repeated or spelt their own way ends alike over HTTP and over Kafka."""

import json
from hashlib import sha256
from typing import Any, Final

import httpx
import pytest

from paidan_contracts import ids
from tests.dispatch.dispatch_service import DispatchService
from tests.dispatch.inbox_entries import build_report, case_id_of, photo_stored
from tests.dispatch.service_client import UNKNOWN_CASE, await_decision

STREETS: Final = "department:streets"


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
    assert (over_http.status_code, error["code"], error["field"]) == (422, "invalid", "action.kind")
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


SPELT: Final[dict[str, dict[str, Any]]] = {
    "accept": {"occurred_at": "2026年3月2日 9:00", "action": {"kind": "accept"}},
    "finish": {
        "occurred_at": "2026-03-02 09:30",
        "action": {"kind": "finish", "text": None, "proof": [None, "<own>", "<own> "]},
    },
    "return": {"occurred_at": "", "action": {"kind": "return", "code": " Other", "reason": 7}},
}
MISSPELT: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "no reason": ({"action": {"kind": "return", "code": "other", "reason": " "}}, "action.return.reason"),
    "an invisible reason": (
        {"action": {"kind": "return", "code": "other", "reason": "\u200b"}},
        "action.return.reason",
    ),
    "no code": ({"action": {"kind": "return", "code": None, "reason": "a"}}, "action.return.code"),
    "a lost clock": ({"occurred_at": "1970-01-01T00:00:00Z", "action": {"kind": "accept"}}, "occurred_at"),
}


async def test_spellings_of_other_systems_are_read_alike_at_both_doors(
    service: DispatchService, client: httpx.AsyncClient
) -> None:
    """Null, blanks, numbers for text, a photo twice, a time without a zone."""
    reports = {"http": build_report("spelt", east_m=64_000), "kafka": build_report("spelt as well", east_m=65_000)}
    cases = {door: case_id_of(each) for door, each in reports.items()}
    proofs = {door: sha256(case_id.encode()).hexdigest() + ".jpg" for door, case_id in cases.items()}
    streets, staff = await service.create_key(STREETS), await service.create_key("role:operator")
    photos = (photo_stored(case_id, proofs[door], minutes=1) for door, case_id in cases.items())
    await service.append_to_inbox(*reports.values(), *photos)
    await service.await_messages("paidan.orders.streets", 2, about=list(cases.values()))

    results = []
    for number, (name, spelt) in enumerate(SPELT.items()):
        body = json.dumps(spelt)
        of = {door: json.loads(body.replace("<own>", proofs[door])) | {"case_id": f" {cases[door]}"} for door in cases}
        of["http"]["id"], of["kafka"]["id"] = 4711 + number, 4811 + number
        batch = await client.post("/v1/actions/batch", content=json.dumps(of["http"]), headers=streets)
        assert json.loads(batch.text)["status"] == 202, batch.text
        await service.append_answer("streets", of["kafka"])
        for own_id in (4711 + number, 4811 + number):
            decided = await await_decision(client, ids.action_id(STREETS, str(own_id)), streets)
            results.append((name, decided["result"]))
    steps = {door: await _history(client, staff, case_id) for door, case_id in cases.items()}

    assert results == [
        (name, result)
        for name, result in (("accept", "applied"), ("finish", "applied"), ("return", "refused"))
        for _ in cases
    ]
    assert [each | {"proof": None} for each in steps["http"]] == [each | {"proof": None} for each in steps["kafka"]]
    for door, proof in proofs.items():
        [finished] = [each for each in steps[door] if each["type"] == "case.finished.v1"]
        assert (finished["occurred_at"], finished["proof"]) == ("2026-03-02T09:30:00+08:00", [proof])


async def test_misspellings_are_refused_by_the_same_field_at_both_doors(
    service: DispatchService, client: httpx.AsyncClient
) -> None:
    streets = await service.create_key(STREETS)
    lines = [{"id": name, "case_id": UNKNOWN_CASE} | body for name, (body, _) in MISSPELT.items()]
    for line in lines:
        await service.append_answer("streets", line)

    batch = await client.post("/v1/actions/batch", content="\n".join(map(json.dumps, lines)), headers=streets)
    told = await service.await_messages("paidan.orders.streets", len(lines), about=list(MISSPELT))

    over_http = {
        name: json.loads(each)["error"]["field"] for name, each in zip(MISSPELT, batch.text.splitlines(), strict=True)
    }
    over_kafka = {each["your_id"]: each["why"]["field"] for each in told}
    assert over_http == over_kafka == {name: field for name, (_, field) in MISSPELT.items()}


async def _history(client: httpx.AsyncClient, headers: dict[str, str], case_id: str) -> list[dict[str, Any]]:
    shown = (await client.get(f"/v1/cases/{case_id}", headers=headers)).json()
    kept = ("type", "occurred_at", "proof", "text", "reason")
    # Limits of a Monday long past are overdue as soon as they run: when is up to the timer loop.
    events = [each["event"] for each in shown["history"] if "overdue" not in each["event"]["type"]]
    return [{name: event[name] for name in kept if name in event} for event in events]
