"""Crashes and outages: no 2xx for a report that is not stored, and a retry with the same id makes one report."""

import asyncio
import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from paidan_deploy.servers.kafka import KafkaServer
from paidan_deploy.servers.postgres import PostgresServer
from tests import servers as real
from tests.intake import kill_points
from tests.intake.intake_service import IntakeService, prepared_service
from tests.intake.sample_photos import make_jpeg
from tests.intake.ticket_payloads import POSITION
from tests.polling import poll

pytestmark = pytest.mark.takes(seconds=45)

EDGE_ONLY = ("--only", "edge")


async def send_ticket(service: IntakeService, ref: str) -> httpx.Response:
    """Send a photo report, which passes every step of acceptance."""
    report = json.dumps({"source_ref": ref, "category": "rubbish", "position": POSITION}).encode()
    async with service.client("photo") as client:
        return await client.post("/v1/photo-reports", files={"report": (None, report), "photo": make_jpeg()})


def photo_of(service: IntakeService, records: dict[str, Any]) -> Path:
    """Return the path of a report's photo."""
    ref: str
    [ref] = records["photos"]
    return service.folder / "photos" / ref[:2] / ref


@pytest.mark.parametrize("window", kill_points.KILL_POINTS)
async def test_retry_after_a_kill_at_any_point_gives_one_report(private_intake: IntakeService, window: str) -> None:
    """The sender got no answer, so it sends again with the same id."""
    ref = uuid.uuid4().hex
    await private_intake.start(window, *EDGE_ONLY, module=kill_points.__name__)
    with pytest.raises(httpx.HTTPError):
        await send_ticket(private_intake, ref)
    assert private_intake.process is not None
    assert private_intake.process.wait(10) == -9
    died_with = await private_intake.read_topic("paidan.inbox")
    assert all(photo_of(private_intake, each).exists() for each in died_with), "nothing refers to what is not there"

    await private_intake.start(*EDGE_ONLY)
    response = await send_ticket(private_intake, ref)
    records = await private_intake.read_topic("paidan.inbox")
    [stored] = await private_intake.fetch("SELECT recorded_at, digest FROM vault")

    assert response.status_code == 202
    assert len(died_with) == (1 if window == "after_kafka" else 0)
    assert [each["report_id"] for each in records] == [response.json()["report_id"]] * (len(died_with) + 1)
    assert len({json.dumps({**each, "headers": 0}) for each in records}) == 1, "both tries say the same, to the byte"
    assert {each["digest"] for each in records} == {stored["digest"].hex()}
    assert photo_of(private_intake, records[0]).exists()


async def test_kills_under_load_lose_no_acknowledged_report(private_intake: IntakeService) -> None:
    """Every 202 is on the inbox and in the vault, however often the process dies meanwhile."""
    await private_intake.start(*EDGE_ONLY)
    waiting = [f"{number}" for number in range(400)]
    accepted: dict[str, str] = {}

    async def deliver(client: httpx.AsyncClient) -> None:
        while waiting:
            ref = waiting.pop()
            try:
                response = await client.post("/v1/tickets", json={"source_ref": ref, "position": POSITION, "text": ref})
            except httpx.HTTPError:
                waiting.insert(0, ref)
                await asyncio.sleep(0.05)
                continue
            if response.status_code == 202:
                accepted[ref] = response.json()["report_id"]
            else:
                waiting.insert(0, ref)

    async with private_intake.client("hotline") as client, asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(deliver(client))
        for goal in (50, 150, 300):
            await poll(lambda goal=goal: len(accepted) >= goal, within_s=60, what=f"{goal} accepted")  # type: ignore[misc]
            private_intake.kill()
            await private_intake.start(*EDGE_ONLY)
    records = await private_intake.read_topic("paidan.inbox")
    stored = {row["source_ref"] for row in await private_intake.fetch("SELECT source_ref FROM vault")}

    assert len(accepted) == 400
    assert {each["report_id"] for each in records} == set(accepted.values())
    assert stored == accepted.keys()
    assert len({(each["report_id"], each["digest"], each["recorded_at"]) for each in records}) == 400


async def test_503_without_kafka_accepts_nothing(
    start_kafka: Callable[..., KafkaServer], database: str, topic_prefix: str, tmp_path: Path
) -> None:
    kafka = start_kafka()
    async with prepared_service(kafka.address, database, topic_prefix, tmp_path, ANSWER_WITHIN_S="1.5") as service:
        await service.start(*EDGE_ONLY)
        async with service.client("hotline") as client, service.client("camera") as camera:
            body = {"source_ref": "a", "position": POSITION}
            alarm = {"alarm_ref": "b", "camera": "c", "category": "890", "occurred_at": "2026-03-02T12:00:00+08:00"}
            before = await client.post("/v1/tickets", json={**body, "source_ref": "before"})
            kafka.kill()
            refused = [
                await client.post("/v1/tickets", json=body),
                await client.post("/v1/tickets/batch", content=json.dumps(body)),
                await camera.post("/v1/alarms/generic", json=alarm),
            ]
            status = await client.get(f"/v1/reports/{before.json()['report_id']}")
            kafka.start()
            accepted = await poll(
                lambda: _accepted(client, body), within_s=40, what="the ticket is accepted once Kafka is back"
            )
        records = await service.read_topic("paidan.inbox")

    assert before.status_code == 202
    assert [(each.status_code, int(each.headers["retry-after"]) > 0) for each in refused] == [(503, True)] * 3
    assert json.loads(refused[1].text)["error"]["code"] == "unavailable"
    assert status.status_code == 200
    assert {each["report_id"] for each in records} == {before.json()["report_id"], accepted["report_id"]}


async def test_503_without_postgresql_and_recovers(
    start_postgres: Callable[..., PostgresServer], servers: real.ServerAddresses, topic_prefix: str, tmp_path: Path
) -> None:
    postgres = start_postgres()
    async with prepared_service(servers.kafka, postgres.dsn, topic_prefix, tmp_path, ANSWER_WITHIN_S="1.5") as service:
        await service.start(*EDGE_ONLY)
        async with service.client("hotline") as client:
            body = {"source_ref": "a", "position": POSITION}
            await client.post("/v1/tickets", json={**body, "source_ref": "warms up the key"})
            postgres.kill()
            refused = await client.post("/v1/tickets", json=body)
            postgres.start()
            accepted = await poll(
                lambda: _accepted(client, body), within_s=40, what="the ticket is accepted once PostgreSQL is back"
            )
        records = await service.records_about("paidan.inbox", accepted["report_id"])
        rows = await service.fetch("SELECT source_ref FROM vault ORDER BY source_ref")

    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "unavailable")
    assert len(records) == 1
    assert [row["source_ref"] for row in rows] == ["a", "warms up the key"]


async def _accepted(client: httpx.AsyncClient, body: dict[str, Any]) -> dict[str, Any] | None:
    response = await client.post("/v1/tickets", json=body)
    if response.status_code == 202:
        found: dict[str, Any] = response.json()
        return found
    assert response.status_code == 503, response.text
    return None
