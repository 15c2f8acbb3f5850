"""Alarms that are quicker than the pack that names their source: refused, and taken when they come again."""

import json
import shutil
from pathlib import Path
from typing import Any

import asyncpg
from aiokafka import AIOKafkaProducer

from paidan_contracts import ids
from tests import servers as real
from tests.intake.intake_service import TINY, Rig, publish
from tests.intake.ticket_payloads import WEST
from tests.polling import poll

FIRED = {
    "source": "roadside",
    "alarm_ref": "A1",
    "camera": "c",
    "category": "890",
    "confidence": 0.95,
    "position": WEST,
    "occurred_at": "2026-03-02T12:00:00+08:00",
}
A1, A2 = ids.report_id("roadside", "A1"), ids.report_id("roadside", "A2")


async def put(rig: Rig, *alarms: dict[str, Any]) -> None:
    """Write on the alarm topic as a camera platform does."""
    async with AIOKafkaProducer(bootstrap_servers=rig.kafka, acks="all") as producer:
        for each in alarms:
            await producer.send_and_wait(f"{rig.prefix}paidan.alarms", json.dumps(each).encode(), partition=0)


async def publish_roadside(database: str, folder: Path) -> None:
    """Publish the tiny city with the source that it had not."""
    shutil.copytree(TINY, folder)
    with (folder / "sources.csv").open("a", encoding="utf-8") as sources:
        sources.write("roadside,路侧,Roadside,camera,no,0.8,wgs84,no\n")
    conn = await asyncpg.connect(database)
    try:
        await publish(conn, folder)
    finally:
        await conn.close()


async def ends(rig: Rig) -> list[tuple[str, str]]:
    """Name all that was said: each id with the end it came to, as often as it was said."""
    inbox = [(each["report_id"], "reported") for each in await rig.said("paidan.inbox")]
    return inbox + [(each["id"], each["why"]["code"]) for each in await rig.said("paidan.outcomes")]


async def until(rig: Rig, **said: int) -> list[tuple[str, str]]:
    """Wait until each end was said so many times."""

    async def look() -> list[tuple[str, str]]:
        found = await ends(rig)
        return found if all([end for _, end in found].count(name) == times for name, times in said.items()) else []

    return await poll(look, within_s=30, what=f"it says {said}")


async def test_an_alarm_refused_for_its_source_may_come_again(own: Rig, servers: real.Servers, tmp_path: Path) -> None:
    """Its id stays free until some city knows the source: one id has one end, and after a restored database too."""
    own.settings["PACKS_REREAD_S"] = "60"
    async with real.fresh_database(servers, template=own.database.rsplit("/", 1)[1]) as copy:
        await own.start()
        await put(own, FIRED, FIRED)
        await until(own, unknown_source=2)
        await publish_roadside(own.database, tmp_path / "pack")
        await put(own, FIRED, FIRED, {**FIRED, "alarm_ref": "A2", "camera": "d"})
        first = await until(own, reported=2)
        own.kill()

        restored = Rig(own.kafka, copy, own.prefix, tmp_path, own.tokens)
        await publish_roadside(copy, tmp_path / "again")
        try:
            await restored.start()
            again = await until(restored, reported=4)
        finally:
            await restored.close()

    assert {end for id_, end in first if id_ == A2} == {"reported"}, "a pack that is published is known at once"
    assert {end for id_, end in again if id_ == A1} == {"reported"}
    assert len(dict(again)) == len(set(again)) == 3, "every id has one end"


async def test_the_refusal_names_the_alarm(own: Rig) -> None:
    await own.start()
    await put(own, FIRED)
    await until(own, unknown_source=1)

    [refused] = await own.said("paidan.outcomes")

    assert (refused["result"], refused["repeats"]) == ("refused", A1)
    assert refused["id"] == refused["key"] == ids.homeless_id(A1)
