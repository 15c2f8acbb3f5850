"""The process: edge and loops apart, the packs it uses, and its stop."""

import shutil
import uuid
from pathlib import Path
from typing import Any

import asyncpg

from tests.intake.intake_service import TINY, IntakeService, publish_pack
from tests.polling import poll


async def test_edge_and_loop_run_apart(private_intake: IntakeService) -> None:
    """Under load the edge may run in several processes, and the loops in another."""
    await private_intake.start("--only", "edge")
    loop = IntakeService(
        private_intake.kafka,
        private_intake.database,
        private_intake.prefix,
        private_intake.folder / "loop",
        private_intake.tokens,
    )
    loop.folder.mkdir()
    try:
        await loop.start("--only", "loop")
        alarm = {"alarm_ref": "a", "camera": "c", "category": "890", "occurred_at": "2026-03-02T12:00:00+08:00"}
        async with private_intake.client("camera") as edge, loop.client("camera") as other:
            accepted = await edge.post("/v1/alarms/generic", json=alarm)
            absent = await other.post("/v1/alarms/generic", json=alarm)

        async def reported() -> list[dict[str, Any]]:
            return await private_intake.records_about("paidan.inbox", accepted.json()["report_id"])

        [record] = await poll(reported, within_s=30, what="the loop has screened what the edge took")
    finally:
        await loop.close()

    assert (accepted.status_code, absent.status_code) == (202, 404)
    assert record["class_code"] == "E0110"


async def test_published_pack_is_used_at_once_and_one_in_force_has_precedence(
    private_intake: IntakeService, tmp_path: Path
) -> None:
    await private_intake.start("--only", "edge")
    changed = tmp_path / "tiny"
    shutil.copytree(TINY, changed)
    with (changed / "categories.csv").open("a", encoding="utf-8") as file:
        file.write("hotline,新词,E0401,,\n")

    async def class_of() -> str:
        async with private_intake.client("hotline") as client:
            ticket = {"source_ref": uuid.uuid4().hex, "category": "新词"}
            response = await client.post("/v1/tickets?dry-run=true", json=ticket)
        return str(response.json().get("class_code"))

    async def known() -> bool:
        return await class_of() == "E0401"

    async def unknown() -> bool:
        return await class_of() == "None"

    before = await class_of()
    conn = await asyncpg.connect(private_intake.database)
    try:
        await publish_pack(conn, changed)
        await poll(known, what="the new pack is used")
        older = await conn.fetchval("SELECT version FROM cities.pack ORDER BY published_at LIMIT 1")
        await conn.execute("INSERT INTO cities.in_force (city, version, since) VALUES ('tiny', $1, now())", older)
        await poll(unknown, what="the older pack is in force again")
    finally:
        await conn.close()

    assert before == "None"


async def test_stop_finishes_pending_requests(private_intake: IntakeService) -> None:
    await private_intake.start()
    async with private_intake.client("hotline") as client:
        accepted = await client.post("/v1/tickets", json={"source_ref": "a", "text": "b"})

    assert private_intake.stop() == 0
    assert len(await private_intake.records_about("paidan.inbox", accepted.json()["report_id"])) == 1
