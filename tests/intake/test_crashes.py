"""Intake while things die: it never says 2xx for what is not there, and a retry under the same id makes one report."""

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
from tests.intake.intake_service import Rig, installed
from tests.intake.sample_photos import jpeg
from tests.intake.ticket_payloads import WEST
from tests.polling import poll

EDGE = ("--only", "edge")


async def send(rig: Rig, ref: str) -> httpx.Response:
    """Send a photo report: the longest way to Kafka."""
    report = json.dumps({"source_ref": ref, "category": "rubbish", "position": WEST}).encode()
    async with rig.client("photo") as client:
        return await client.post("/v1/photo-reports", files={"report": (None, report), "photo": jpeg()})


def photo_of(rig: Rig, said: dict[str, Any]) -> Path:
    """Say where the photo of a report lies."""
    ref: str
    [ref] = said["photos"]
    return rig.folder / "photos" / ref[:2] / ref


@pytest.mark.parametrize("window", kill_points.WINDOWS)
async def test_killed_in_any_window_a_retry_makes_one_report(own: Rig, window: str) -> None:
    """The sender saw no answer, so it sends again with the same id."""
    ref = uuid.uuid4().hex
    await own.start(window, *EDGE, python=(str(Path(kill_points.__file__)),))
    with pytest.raises(httpx.HTTPError):
        await send(own, ref)
    assert own.process is not None
    assert own.process.wait(10) == -9
    died_with = await own.said("paidan.inbox")
    assert all(photo_of(own, each).exists() for each in died_with), "nothing refers to what is not there"

    await own.start(*EDGE)
    answered = await send(own, ref)
    said = await own.said("paidan.inbox")
    [kept] = await own.fetch("SELECT recorded_at, digest FROM vault")

    assert answered.status_code == 202
    assert len(died_with) == (1 if window == "after_kafka" else 0)
    assert [each["report_id"] for each in said] == [answered.json()["report_id"]] * (len(died_with) + 1)
    assert len({json.dumps({**each, "headers": 0}) for each in said}) == 1, "both tries say the same, to the byte"
    assert {each["digest"] for each in said} == {kept["digest"].hex()}
    assert photo_of(own, said[0]).exists()


async def test_kills_under_load_lose_nothing_that_was_acknowledged(own: Rig) -> None:
    """Every 202 is on the inbox and in the vault, however often the process dies meanwhile."""
    await own.start(*EDGE)
    waiting = [f"{number}" for number in range(400)]
    taken: dict[str, str] = {}

    async def deliver(client: httpx.AsyncClient) -> None:
        while waiting:
            ref = waiting.pop()
            try:
                answered = await client.post("/v1/tickets", json={"source_ref": ref, "position": WEST, "text": ref})
            except httpx.HTTPError:
                waiting.insert(0, ref)
                await asyncio.sleep(0.05)
                continue
            if answered.status_code == 202:
                taken[ref] = answered.json()["report_id"]
            else:
                waiting.insert(0, ref)

    async with own.client("hotline") as client, asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(deliver(client))
        for goal in (50, 150, 300):
            await poll(lambda goal=goal: len(taken) >= goal, within_s=60, what=f"{goal} taken")  # type: ignore[misc]
            own.kill()
            await own.start(*EDGE)
    said = await own.said("paidan.inbox")
    kept = {row["source_ref"] for row in await own.fetch("SELECT source_ref FROM vault")}

    assert len(taken) == 400
    assert {each["report_id"] for each in said} == set(taken.values())
    assert kept == taken.keys()
    assert len({(each["report_id"], each["digest"], each["recorded_at"]) for each in said}) == 400


async def test_without_kafka_it_says_503_and_means_it(
    start_kafka: Callable[..., KafkaServer], database: str, topic_prefix: str, tmp_path: Path
) -> None:
    kafka = start_kafka()
    async with installed(kafka.address, database, topic_prefix, tmp_path, ANSWER_WITHIN_S="1.5") as rig:
        await rig.start(*EDGE)
        async with rig.client("hotline") as client, rig.client("camera") as camera:
            body = {"source_ref": "a", "position": WEST}
            alarm = {"alarm_ref": "b", "camera": "c", "category": "890", "occurred_at": "2026-03-02T12:00:00+08:00"}
            before = await client.post("/v1/tickets", json={**body, "source_ref": "before"})
            kafka.kill()
            refused = [
                await client.post("/v1/tickets", json=body),
                await client.post("/v1/tickets/batch", content=json.dumps(body)),
                await camera.post("/v1/alarms/generic", json=alarm),
            ]
            stands = await client.get(f"/v1/reports/{before.json()['report_id']}")
            kafka.start()
            answered = await poll(
                lambda: _accepted(client, body), within_s=40, what="the ticket is taken once Kafka is back"
            )
        said = await rig.said("paidan.inbox")

    assert before.status_code == 202
    assert [(each.status_code, int(each.headers["retry-after"]) > 0) for each in refused] == [(503, True)] * 3
    assert json.loads(refused[1].text)["error"]["code"] == "unavailable"
    assert stands.status_code == 200
    assert {each["report_id"] for each in said} == {before.json()["report_id"], answered["report_id"]}


async def test_without_postgresql_it_says_503_and_recovers(
    start_postgres: Callable[..., PostgresServer], servers: real.Servers, topic_prefix: str, tmp_path: Path
) -> None:
    postgres = start_postgres()
    async with installed(servers.kafka, postgres.dsn, topic_prefix, tmp_path, ANSWER_WITHIN_S="1.5") as rig:
        await rig.start(*EDGE)
        async with rig.client("hotline") as client:
            body = {"source_ref": "a", "position": WEST}
            await client.post("/v1/tickets", json={**body, "source_ref": "warms up the key"})
            postgres.kill()
            refused = await client.post("/v1/tickets", json=body)
            postgres.start()
            answered = await poll(
                lambda: _accepted(client, body), within_s=40, what="the ticket is taken once PostgreSQL is back"
            )
        said = await rig.about("paidan.inbox", answered["report_id"])
        rows = await rig.fetch("SELECT source_ref FROM vault ORDER BY source_ref")

    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "unavailable")
    assert len(said) == 1
    assert [row["source_ref"] for row in rows] == ["a", "warms up the key"]


async def _accepted(client: httpx.AsyncClient, body: dict[str, Any]) -> dict[str, Any] | None:
    answered = await client.post("/v1/tickets", json=body)
    if answered.status_code == 202:
        found: dict[str, Any] = answered.json()
        return found
    assert answered.status_code == 503, answered.text
    return None
