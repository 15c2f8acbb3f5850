"""The process in its parts, and the packs it reads reports with."""

import shutil
import uuid
from pathlib import Path
from typing import Any

import asyncpg

from tests.intake.intake_service import TINY, Rig, publish
from tests.polling import poll


async def test_edge_and_loop_run_apart(own: Rig) -> None:
    """Where load asks for it the edge is many processes and the loop another."""
    await own.start("--only", "edge")
    loop = Rig(own.kafka, own.database, own.prefix, own.folder / "loop", own.tokens)
    loop.folder.mkdir()
    try:
        await loop.start("--only", "loop")
        alarm = {"alarm_ref": "a", "camera": "c", "category": "890", "occurred_at": "2026-03-02T12:00:00+08:00"}
        async with own.client("camera") as edge, loop.client("camera") as other:
            taken = await edge.post("/v1/alarms/generic", json=alarm)
            absent = await other.post("/v1/alarms/generic", json=alarm)

        async def reported() -> list[dict[str, Any]]:
            return await own.about("paidan.inbox", taken.json()["report_id"])

        [said] = await poll(reported, within_s=30, what="the loop has screened what the edge took")
    finally:
        await loop.close()

    assert (taken.status_code, absent.status_code) == (202, 404)
    assert said["class_code"] == "E0110"


async def test_a_published_pack_is_used_at_once_and_one_in_force_goes_before_it(own: Rig, tmp_path: Path) -> None:
    await own.start("--only", "edge")
    changed = tmp_path / "tiny"
    shutil.copytree(TINY, changed)
    with (changed / "categories.csv").open("a", encoding="utf-8") as file:
        file.write("hotline,新词,E0401,,\n")

    async def class_of() -> str:
        async with own.client("hotline") as client:
            ticket = {"source_ref": uuid.uuid4().hex, "category": "新词"}
            tried = await client.post("/v1/tickets?dry-run=true", json=ticket)
        return str(tried.json().get("class_code"))

    async def known() -> bool:
        return await class_of() == "E0401"

    async def unknown() -> bool:
        return await class_of() == "None"

    before = await class_of()
    conn = await asyncpg.connect(own.database)
    try:
        await publish(conn, changed)
        await poll(known, within_s=20, what="the new pack is used")
        older = await conn.fetchval("SELECT version FROM cities.pack ORDER BY published_at LIMIT 1")
        await conn.execute("INSERT INTO cities.in_force (city, version, since) VALUES ('tiny', $1, now())", older)
        await poll(unknown, within_s=20, what="the older pack is in force again")
    finally:
        await conn.close()

    assert before == "None"


async def test_a_stopped_process_finishes_what_it_has_in_hand(own: Rig) -> None:
    await own.start()
    async with own.client("hotline") as client:
        taken = await client.post("/v1/tickets", json={"source_ref": "a"})

    assert own.stop() == 0
    assert len(await own.about("paidan.inbox", taken.json()["report_id"])) == 1
