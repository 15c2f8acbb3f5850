"""Alarms over HTTP and from the topic are screened by one consumer, and each has exactly one outcome."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from aiokafka import AIOKafkaProducer

from paidan_contracts import ids
from tests.intake.intake_service import IntakeService
from tests.polling import poll

NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)


def build_alarm(camera: str, *, after_s: float = 0, **body: object) -> dict[str, Any]:
    """Return the body of one alarm."""
    return {
        "alarm_ref": uuid.uuid4().hex,
        "camera": camera,
        "category": "890",
        "confidence": 0.9,
        "position": {"x": 117.005, "y": 36.005, "crs": "wgs84"},
        "occurred_at": (NOON + timedelta(seconds=after_s)).isoformat(),
    } | body


async def post_alarm(intake: IntakeService, *alarms: dict[str, Any]) -> list[str]:
    """Send alarms over HTTP and return their report ids."""
    async with intake.client("camera") as client:
        answers = [await client.post("/v1/alarms/generic", json=each) for each in alarms]
    assert {each.status_code for each in answers} == {202}
    return [each.json()["report_id"] for each in answers]


async def outcomes_of(intake: IntakeService, report_ids: list[str]) -> list[str]:
    """Wait until each alarm is a report (``sure`` or to be verified, ``unsure``) or suppressed, and return which."""

    async def look() -> list[str]:
        inbox = {each["report_id"]: "sure" for each in await intake.read_topic("paidan.inbox") if "report_id" in each}
        for each in await intake.read_topic("paidan.inbox"):
            if each.get("verify_first"):
                inbox[each["report_id"]] = "unsure"
        outcomes = {
            each["id"]: each["why"]["code"] for each in await intake.read_topic("paidan.outcomes") if each.get("why")
        }
        found = inbox | outcomes
        return [found[each] for each in report_ids] if found.keys() >= set(report_ids) else []

    return await poll(look, what="every alarm has an outcome")


async def test_refires_within_the_window_are_one_report(intake: IntakeService) -> None:
    """The window starts at the last report, so that a subject still seen after it is reported again."""
    camera = uuid.uuid4().hex
    fired = [build_alarm(camera, after_s=after) for after in (0, 5, 299, 300, 310)]

    report_ids = await post_alarm(intake, *fired)

    assert await outcomes_of(intake, report_ids) == ["sure", "alarm_refired", "alarm_refired", "sure", "alarm_refired"]


async def test_another_class_region_or_camera_is_another_subject(intake: IntakeService) -> None:
    camera = uuid.uuid4().hex
    fired = [
        build_alarm(camera),
        build_alarm(camera, category="887"),
        build_alarm(camera, region="2"),
        build_alarm(uuid.uuid4().hex),
        build_alarm(camera),
    ]

    assert await outcomes_of(intake, await post_alarm(intake, *fired)) == [
        "sure",
        "sure",
        "sure",
        "sure",
        "alarm_refired",
    ]


async def test_confidence_decides_by_bands(intake: IntakeService) -> None:
    fired = [build_alarm(uuid.uuid4().hex, confidence=confidence) for confidence in (0.49, 0.5, 0.79, 0.8)]
    heartbeat = build_alarm(uuid.uuid4().hex, category="heartbeat")

    report_ids = await post_alarm(intake, *fired, heartbeat)

    assert await outcomes_of(intake, report_ids) == [
        "alarm_below_confidence",
        "unsure",
        "unsure",
        "sure",
        "alarm_ignored",
    ]


async def test_suppressed_alarm_has_a_status(intake: IntakeService) -> None:
    [report_id] = await post_alarm(intake, build_alarm(uuid.uuid4().hex, confidence=0.1))

    async def decided_status() -> Any:  # noqa: ANN401
        async with intake.client("camera") as client:
            response = await client.get(f"/v1/reports/{report_id}")
        return response.json() if response.status_code == 200 and response.json()["stands"] != "waiting" else None

    found = await poll(decided_status, what="the outcome is projected")
    assert (found["stands"], found["reason"]) == ("suppressed", "alarm_below_confidence")
    [outcome] = [each for each in await intake.read_topic("paidan.outcomes") if each["id"] == report_id]
    assert (outcome["source"], outcome["channel"]) == ("camera", "camera")
    assert outcome["recorded_at"] == outcome["decided_at"]


async def test_topic_alarms_are_screened_like_http_alarms(intake: IntakeService) -> None:
    """A repeat is dropped, other content under its id refused, the unreadable dead-lettered, the rest applied."""
    body = build_alarm(uuid.uuid4().hex, source="camera", text="联系13812345678")
    other = {**body, "text": "二"}
    unknown_source = build_alarm("c", source="nobody")
    unknown_city = build_alarm("c", source="camera", city="elsewhere")
    report_id = ids.report_id("camera", body["alarm_ref"])

    await append_alarm(
        intake,
        b"not json",
        None,
        *(json.dumps(each).encode() for each in (body, body, other, unknown_source, unknown_city)),
    )
    refusal_ids = [
        ids.unknown_origin_id(ids.report_id(each["source"], each["alarm_ref"]))
        for each in (unknown_source, unknown_city)
    ]
    found = await outcomes_of(intake, [report_id, *refusal_ids])
    refused = [each for each in await intake.read_topic("paidan.outcomes") if each.get("repeats") == report_id]
    dead_letters = await intake.fetch("SELECT reason FROM dead_letter ORDER BY reason")

    assert found == ["sure", "unknown_source", "unknown_city"]
    [report] = await intake.records_about("paidan.inbox", report_id)
    assert report["text"] == "联系***********"
    assert report["headers"]["ce_origin"]
    assert [each["why"]["code"] for each in refused] == ["id_reused"]
    assert [row["reason"] for row in dead_letters] == ["null_value", "unreadable"]


async def append_alarm(intake: IntakeService, *values: bytes | None) -> None:
    """Append to the alarm topic as a camera platform does: without headers, in any order."""
    producer = AIOKafkaProducer(bootstrap_servers=intake.kafka, acks="all")
    try:
        await producer.start()
        for value in values:
            await producer.send_and_wait(intake.prefix + "paidan.alarms", value, key=b"camera", partition=0)
    finally:
        await producer.stop()


async def test_no_personal_number_is_put_on_the_alarm_topic(intake: IntakeService) -> None:
    [report_id] = await post_alarm(
        intake, build_alarm(uuid.uuid4().hex, text="牌上写着13812345678", address="李四13812345678")
    )

    raw = [each for each in await intake.read_topic("paidan.alarms") if each["headers"].get("ce_id") == report_id]

    assert "13812345678" not in json.dumps(raw)
    assert [each["text"] for each in raw] == ["牌上写着***********"]


async def test_alarm_of_a_source_that_is_not_screened_is_refused(intake: IntakeService) -> None:
    async with intake.client("hotline") as client:
        response = await client.post("/v1/alarms/generic", json=build_alarm("c"))

    assert (response.status_code, response.json()["error"]["code"]) == (422, "not_screened")


async def test_dry_run_appends_nothing(intake: IntakeService) -> None:
    body = build_alarm(uuid.uuid4().hex)

    async with intake.client("camera") as client:
        response = await client.post("/v1/alarms/generic?dry-run=true", json=body)

    assert (response.status_code, response.json()["class_code"]) == (200, "E0110")
    raised = [each["alarm_ref"] for each in await intake.read_topic("paidan.alarms") if "alarm_ref" in each]
    assert body["alarm_ref"] not in raised


async def test_reused_alarm_id_is_refused_over_http(intake: IntakeService) -> None:
    """Otherwise its sender would get the first alarm's outcome for this one."""
    first = build_alarm(uuid.uuid4().hex, text="电话13812345678", occurred_at="2026-03-02T12:00:00+08:00")
    await outcomes_of(intake, await post_alarm(intake, first))

    async with intake.client("camera") as client:
        for params in ({}, {"dry-run": "true"}):
            same = await client.post("/v1/alarms/generic", json=first, params=params)
            other = await client.post("/v1/alarms/generic", json={**first, "category": "887"}, params=params)

            assert same.status_code == (200 if params else 202)
            assert other.status_code == 409
            body = other.json()["error"]
            assert (body["code"], body["field"]) == ("id_reused", "alarm_ref")
