"""An alarm that arrives before the pack with its source is refused, and accepted when it is sent again."""

import json
import shutil
from pathlib import Path
from typing import Any

import asyncpg
from aiokafka import AIOKafkaProducer

from paidan_contracts import ids
from tests import servers as real
from tests.intake.intake_service import TINY, IntakeService, publish_pack
from tests.intake.ticket_payloads import POSITION
from tests.polling import poll

FIRED_AT = {
    "source": "roadside",
    "alarm_ref": "A1",
    "camera": "c",
    "category": "890",
    "confidence": 0.95,
    "position": POSITION,
    "occurred_at": "2026-03-02T12:00:00+08:00",
}
A1, A2 = ids.report_id("roadside", "A1"), ids.report_id("roadside", "A2")


async def append_alarm(service: IntakeService, *alarms: dict[str, Any]) -> None:
    """Append to the alarm topic as a camera platform does."""
    async with AIOKafkaProducer(bootstrap_servers=service.kafka, acks="all") as producer:
        for each in alarms:
            await producer.send_and_wait(f"{service.prefix}paidan.alarms", json.dumps(each).encode(), partition=0)


async def publish_roadside(database: str, folder: Path) -> None:
    """Publish the tiny city with the source added."""
    shutil.copytree(TINY, folder)
    with (folder / "sources.csv").open("a", encoding="utf-8") as sources:
        sources.write("roadside,路侧,Roadside,camera,no,0.8,wgs84,no\n")
    conn = await asyncpg.connect(database)
    try:
        await publish_pack(conn, folder)
    finally:
        await conn.close()


async def outcomes_of(service: IntakeService) -> list[tuple[str, str]]:
    """Return the id and the result of every published report and outcome."""
    inbox = [(each["report_id"], "reported") for each in await service.read_topic("paidan.inbox")]
    return inbox + [(each["id"], each["why"]["code"]) for each in await service.read_topic("paidan.outcomes")]


async def await_outcomes(service: IntakeService, **expected_counts: int) -> list[tuple[str, str]]:
    """Wait until each outcome was published this many times, and return all outcomes."""

    async def look() -> list[tuple[str, str]]:
        found = await outcomes_of(service)
        return (
            found
            if all([end for _, end in found].count(name) == times for name, times in expected_counts.items())
            else []
        )

    return await poll(look, within_s=30, what=f"outcomes are {expected_counts}")


async def test_alarm_refused_for_its_source_is_accepted_when_sent_again(
    private_intake: IntakeService, servers: real.ServerAddresses, tmp_path: Path
) -> None:
    """Its id stays unused until a city has the source: an id has one outcome, also after a restore of the database."""
    private_intake.settings["PACKS_REREAD_S"] = "60"
    async with real.fresh_database(servers, template=private_intake.database.rsplit("/", 1)[1]) as copy:
        await private_intake.start()
        await append_alarm(private_intake, FIRED_AT, FIRED_AT)
        await await_outcomes(private_intake, unknown_source=2)
        await publish_roadside(private_intake.database, tmp_path / "pack")
        await append_alarm(private_intake, FIRED_AT, FIRED_AT, {**FIRED_AT, "alarm_ref": "A2", "camera": "d"})
        first = await await_outcomes(private_intake, reported=2)
        private_intake.kill()

        restored = IntakeService(private_intake.kafka, copy, private_intake.prefix, tmp_path, private_intake.tokens)
        await publish_roadside(copy, tmp_path / "again")
        try:
            await restored.start()
            again = await await_outcomes(restored, reported=4)
        finally:
            await restored.close()

    assert {end for id_, end in first if id_ == A2} == {"reported"}, "a published pack is used at once"
    assert {end for id_, end in again if id_ == A1} == {"reported"}
    assert len(dict(again)) == len(set(again)) == 3, "every id has one outcome"


async def test_the_refusal_names_the_alarm(private_intake: IntakeService) -> None:
    await private_intake.start()
    await append_alarm(private_intake, FIRED_AT)
    await await_outcomes(private_intake, unknown_source=1)

    [refused] = await private_intake.read_topic("paidan.outcomes")

    assert (refused["result"], refused["repeats"]) == ("refused", A1)
    assert refused["id"] == refused["key"] == ids.unknown_origin_id(A1)
