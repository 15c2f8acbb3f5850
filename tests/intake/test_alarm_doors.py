"""HTTP and the topic agree: both accept the same alarms, and refuse the same ones by the same field."""

import json
import uuid
from typing import Any, Final

from paidan_contracts import ids
from tests.intake.intake_service import IntakeService
from tests.intake.test_alarms import append_alarm, build_alarm
from tests.polling import poll

ACCEPTED: Final[dict[str, dict[str, Any]]] = {
    "an unknown confidence": {"confidence": -0.1},
    "an unknown confidence as text": {"confidence": "-1"},
    "a confidence as text": {"confidence": "0.9"},
    "no confidence": {"confidence": None},
    "a blank confidence": {"confidence": ""},
    "numbers for text": {"camera": 3, "category": 890, "region": 2, "alarm_ref": 2026030200017},
    "blanks": {"text": None, "address": "", "region": " ", "photos": None, "city": ""},
    "no coordinates": {"position": {"x": None, "y": None}},
    "a position without a datum": {"position": {"x": 117.005, "y": 36.005}},
    "a datum in capitals": {"position": {"x": 117.005, "y": 36.005, "crs": "GCJ-02"}},
    "a time without a zone": {"occurred_at": "2026-03-02T12:00:00"},
    "an offset of one digit": {"occurred_at": "2026-03-01T20:00:00-8:00"},
    "a clock that was not set": {"occurred_at": "1970-01-01T00:00:00Z"},
    "the first of all times": {"occurred_at": "0001-01-01T00:00:00"},
    "a far future": {"occurred_at": "2199-01-01T00:00:00Z"},
    "the last of all times": {"occurred_at": "9999-12-31T23:59:59-08:00"},
}
REFUSED: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "a percentage": ({"confidence": 93}, "confidence"),
    "a confidence just above one": ({"confidence": 1.01}, "confidence"),
    "no number": ({"confidence": float("nan")}, "confidence"),
    "infinity": ({"confidence": float("inf")}, "confidence"),
    "words for a number": ({"confidence": "high"}, "confidence"),
    "no camera": ({"camera": None}, "camera"),
    "a blank category": ({"category": " "}, "category"),
    "no time": ({"occurred_at": None}, "occurred_at"),
    "a time in words": ({"occurred_at": "yesterday"}, "occurred_at"),
    "half a position": ({"position": {"x": 117, "y": None}}, "position.y"),
    "a position off the globe": ({"position": {"x": 999, "y": 36}}, "position.x"),
    "an unknown datum": ({"position": {"x": 117, "y": 36, "crs": "mars"}}, "position.crs"),
    "no id": ({"alarm_ref": None}, "alarm_ref"),
    "a field stated twice": ({"camera*": "another"}, "camera"),
    "a nested field stated twice": ({"position": {"x": 117, "y": 36, "y*": 37}}, "position.y"),
    "a photo that was not uploaded": ({"photos": ["0" * 64 + ".jpg"]}, "photos"),
}


def encode(body: dict[str, Any]) -> bytes:
    """Return an alarm as JSON; a name that ends in a star is stated once more."""
    return json.dumps(body).replace('*":', '":').encode()


async def test_both_doors_accept_the_same_alarms(intake: IntakeService) -> None:
    alarms = {name: build_alarm(uuid.uuid4().hex) | fields for name, fields in ACCEPTED.items()}
    async with intake.client("camera") as client:
        checked = {
            name: await client.post("/v1/alarms/generic", json=body, params={"dry-run": "true"})
            for name, body in alarms.items()
        }

    await append_alarm(
        intake, *(b"\xef\xbb\xbf" + json.dumps(body | {"source": "camera"}).encode() for body in alarms.values())
    )
    report_ids = {name: ids.report_id("camera", str(body["alarm_ref"])) for name, body in alarms.items()}
    inbox = await _await_records(intake, "paidan.inbox", "report_id", set(report_ids.values()))

    assert {name: response.status_code for name, response in checked.items()} == dict.fromkeys(ACCEPTED, 200)
    for name in ("a clock that was not set", "the first of all times", "a far future", "the last of all times"):
        report = inbox[report_ids[name]]
        assert report["occurred_at"] == report["recorded_at"]
        [note] = checked[name].json()["note_details"]
        assert note["field"] == "occurred_at"
        assert "" not in (note["message"], note["message_zh"])
    assert inbox[report_ids["a time without a zone"]]["occurred_at"] == "2026-03-02T12:00:00+08:00"
    assert "confidence" not in inbox[report_ids["an unknown confidence"]]
    assert "latitude" not in inbox[report_ids["no coordinates"]]["place"]


async def test_both_doors_refuse_the_same_alarms_by_the_same_field(intake: IntakeService) -> None:
    """One sender's habit must not end in dead letters, whose number halts everybody's alarms."""
    alarms = {name: build_alarm(uuid.uuid4().hex) | fields for name, (fields, _) in REFUSED.items()}
    headers = {"content-type": "application/json"}
    async with intake.client("camera") as client:
        answers = {
            name: await client.post("/v1/alarms/generic", content=encode(body), headers=headers)
            for name, body in alarms.items()
        }
    before = await intake.fetch("SELECT count(*) FROM dead_letter")

    await append_alarm(intake, *(encode(body | {"source": "camera"}) for body in alarms.values()))
    marker = build_alarm(uuid.uuid4().hex, source="camera")
    await append_alarm(intake, json.dumps(marker).encode())
    await _await_records(intake, "paidan.inbox", "report_id", {ids.report_id("camera", marker["alarm_ref"])})
    refusals = {
        each.get("repeats"): each for each in await intake.read_topic("paidan.outcomes") if each["result"] == "refused"
    }

    assert {name: response.status_code for name, response in answers.items()} == dict.fromkeys(REFUSED, 422)
    for name, (_, field) in REFUSED.items():
        error = answers[name].json()["error"]
        ref = alarms[name]["alarm_ref"]
        why = refusals[ids.report_id("camera", ref) if ref else None]["why"]
        assert (error["field"], why["field"]) == (field, field), name
        assert (error["message"], error["message_zh"]) == (why["message"], why["message_zh"])
    assert await intake.fetch("SELECT count(*) FROM dead_letter") == before


async def test_a_corrected_alarm_is_accepted_under_the_same_id(intake: IntakeService) -> None:
    alarm = build_alarm(uuid.uuid4().hex, source="camera")
    wrong = json.dumps(alarm | {"confidence": 93}).encode()

    await append_alarm(intake, wrong, json.dumps(alarm).encode())

    await _await_records(intake, "paidan.inbox", "report_id", {ids.report_id("camera", alarm["alarm_ref"])})


async def test_a_time_spelt_otherwise_is_the_same_alarm(intake: IntakeService) -> None:
    alarm = build_alarm(uuid.uuid4().hex, occurred_at="2026-03-02T12:00:00+08:00")
    spellings = ("2026-03-02T04:00:00Z", "2026-03-02T12:00:00", "2026-03-01T20:00:00-8:00")
    await append_alarm(intake, json.dumps(alarm | {"source": "camera"}).encode())
    await _await_records(intake, "paidan.inbox", "report_id", {ids.report_id("camera", alarm["alarm_ref"])})

    async with intake.client("camera") as client:
        answers = [await client.post("/v1/alarms/generic", json=alarm | {"occurred_at": each}) for each in spellings]

    assert [each.status_code for each in answers] == [202, 202, 202]


async def test_surer_evidence_of_one_camera_becomes_a_report(intake: IntakeService) -> None:
    """It joins the case that awaits verification, and confirms it."""
    camera = uuid.uuid4().hex
    alarms = [
        build_alarm(camera, after_s=after, confidence=confidence, source="camera")
        for after, confidence in ((0, 0.6), (10, 0.95), (20, 0.99))
    ]

    await append_alarm(intake, *(json.dumps(each).encode() for each in alarms))
    first, second, third = (ids.report_id("camera", each["alarm_ref"]) for each in alarms)
    await _await_records(intake, "paidan.outcomes", "id", {third})
    inbox = await _await_records(intake, "paidan.inbox", "report_id", {first, second})

    assert (inbox[first]["verify_first"], inbox[second]["verify_first"]) == (True, False)
    assert third not in inbox


async def _await_records(intake: IntakeService, topic: str, field: str, wanted: set[str]) -> dict[str, dict[str, Any]]:
    async def look() -> dict[str, dict[str, Any]]:
        found = {each[field]: each for each in await intake.read_topic(topic) if field in each}
        return found if found.keys() >= wanted else {}

    return await poll(look, what=f"{len(wanted)} records on {topic}")
