"""A source speaks in its own name alone: its topic proves it, and a pack may close the topic of all for it."""

import csv
import json
import shutil
import uuid
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer

from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_chassis.kafka.topic_admin import TopicAdmin
from paidan_contracts import ids
from paidan_contracts.city import load_pack
from paidan_contracts.topics import find_topic
from tests.intake.intake_service import TINY, IntakeService, publish_pack
from tests.intake.test_alarms import build_alarm
from tests.polling import poll

pytestmark = pytest.mark.takes(seconds=10)


def pack_with_own_topic(folder: Path, **own_topics: str) -> Path:
    """Copy the tiny city with a source `gate`, and the column own_topic."""
    shutil.copytree(TINY, folder)
    with (folder / "sources.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    camera = next(row for row in rows if row["id"] == "camera")
    rows.append(camera | {"id": "gate", "names.zh": "门禁", "names.en": "Gate"})
    with (folder / "sources.csv").open("w", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*camera, "own_topic"])
        writer.writeheader()
        writer.writerows(row | {"own_topic": own_topics.get(row["id"], "")} for row in rows)
    return folder


async def append(service: IntakeService, topic: str, source: str, **alarm: object) -> str:
    """Append an alarm to a topic as a camera platform does, and return the report id that it claims."""
    body = build_alarm(uuid.uuid4().hex) | {"source": source} | alarm
    async with AIOKafkaProducer(bootstrap_servers=service.kafka, acks="all") as producer:
        await producer.send_and_wait(service.prefix + topic, json.dumps(body).encode(), partition=0)
    return ids.report_id(source, str(body["alarm_ref"]))


async def reported(service: IntakeService, *report_ids: str) -> dict[str, Any]:
    """Wait until these are reports, and return the reasons of refusals so far by the id that they repeat."""

    async def look() -> bool:
        return {each["report_id"] for each in await service.read_topic("paidan.inbox")} >= set(report_ids)

    await poll(look, within_s=30, what="the alarms become reports")
    outcomes = await service.read_topic("paidan.outcomes")
    return {each["repeats"]: each["why"] for each in outcomes if each.get("repeats")}


async def test_the_topic_determines_the_source(private_intake: IntakeService, tmp_path: Path) -> None:
    """Whoever writes to a topic of its own cannot speak as another, nor use up the ids of another's alarms."""
    conn = await asyncpg.connect(private_intake.database)
    await publish_pack(conn, pack_with_own_topic(tmp_path / "pack", gate="yes"))
    await conn.close()
    cluster = KafkaCluster(private_intake.kafka, private_intake.prefix, topic_spec=find_topic)
    async with TopicAdmin(cluster, client_id="tests") as admin:
        await admin.ensure(["paidan.alarms.camera", "paidan.alarms.gate"])
    await private_intake.start()

    forged = await append(private_intake, "paidan.alarms.gate", "camera", alarm_ref="R1")
    unknown = await append(private_intake, "paidan.alarms.gate", "nobody", alarm_ref="R2")
    closed = await append(private_intake, "paidan.alarms", "gate", alarm_ref="R3")
    own = [
        await append(private_intake, "paidan.alarms.camera", "camera", alarm_ref="R1"),
        await append(private_intake, "paidan.alarms.gate", "gate", alarm_ref="R3"),
        await append(private_intake, "paidan.alarms", "camera", alarm_ref="R4"),
    ]
    refused = await reported(private_intake, *own)

    assert {forged, unknown, closed} == refused.keys()
    assert {why["code"] for why in refused.values()} == {"not_your_source"}
    assert refused[closed]["message"] == "alarms of this source are taken from paidan.alarms.gate alone"
    assert refused[closed]["message_zh"] == "该来源的告警只能经主题 paidan.alarms.gate 上报"
    assert forged in own
    assert closed in own


def test_only_a_camera_or_sensor_has_a_topic(tmp_path: Path) -> None:
    result = load_pack(pack_with_own_topic(tmp_path / "pack", hotline="yes", camera="perhaps"))

    assert {(each.field, each.problem) for each in result.diagnostics} >= {
        ("own_topic", "only cameras and sensors have topics, not a hotline")
    }
    assert any(each.field == "own_topic" and "perhaps" in each.problem for each in result.diagnostics)
