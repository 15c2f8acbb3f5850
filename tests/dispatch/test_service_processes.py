"""Dispatch in processes of its own: stopped, restarted, its database lost and healed by the log."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from tests import servers as real
from tests.dispatch import dispatch_service
from tests.dispatch.database_fixture import case_of, in_force, report
from tests.dispatch.dispatch_service import Stage
from tests.polling import poll


@pytest.fixture
async def stage(servers: real.Servers, database: str, topic_prefix: str) -> AsyncIterator[Stage]:
    async with dispatch_service.open_stage(servers.kafka, topic_prefix, database) as opened:
        yield opened


async def history(stage: Stage) -> list[tuple[object, ...]]:
    """Read every step of every case, byte for byte."""
    conn = await asyncpg.connect(stage.dsn)
    try:
        rows = await conn.fetch("SELECT case_id, version, event, chain FROM dispatch.history ORDER BY 1, 2")
    finally:
        await conn.close()
    return [tuple(row) for row in rows]


async def forget_everything(stage: Stage) -> None:
    """Put the database back to the moment before the first record."""
    conn = await asyncpg.connect(stage.dsn, server_settings={"search_path": "dispatch"})
    try:
        await conn.execute("SET session_replication_role = replica")
        for table in ("history", "case_now", "outcome", "timer", "lane_city", "lane", "outbox"):
            await conn.execute(f"DELETE FROM {table}")
    finally:
        await conn.close()


async def test_a_database_that_lost_everything_is_healed_by_the_log(stage: Stage, tmp_path: Path) -> None:
    """Restored to an earlier moment, it replays to the same ids, versions and bytes, and no clock runs out twice."""
    reports = [report("1"), report("2", east_m=10), report("3", east_m=500), report("4", city="nowhere")]
    await stage.say(in_force(), *reports)
    with stage.process("--only", "loop", log=tmp_path / "first.log"):
        await stage.comes("paidan.cases", 9)  # two cases: opened, dispatched, two clocks each; one joined
    written = await history(stage)
    assert len(written) == 9
    said = {(each["case_id"], each["version"]): each for each in await stage.read("paidan.cases")}

    await forget_everything(stage)
    with stage.process("--only", "loop", log=tmp_path / "second.log"):

        async def healed() -> bool:
            return await history(stage) == written

        await poll(healed, within_s=60, what="the same history")
        again = await stage.comes("paidan.cases", 18)

    assert {(each["case_id"], each["version"]): each for each in again} == said
    assert [each["version"] for each in again if each["case_id"] == case_of(reports[2])] == [1, 2, 3, 4] * 2


async def test_a_missing_pack_ends_the_process_with_a_halt_that_stays(stage: Stage, tmp_path: Path) -> None:
    await stage.say(in_force(of="f" * 64))

    for attempt in (1, 2):
        with stage.process("--only", "loop", log=tmp_path / f"{attempt}.log") as process:
            await poll(lambda: process.poll() is not None, within_s=60, what="the process has ended")
            assert process.returncode == 75
    assert await stage.value("SELECT reason FROM halt") == "city_pack_missing"
