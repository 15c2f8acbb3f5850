"""Dispatch in processes of its own: stopped, restarted, its database lost and rebuilt from the log."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from tests import servers as real
from tests.dispatch import dispatch_service
from tests.dispatch.database_fixture import build_report, case_id_of, city_in_force
from tests.dispatch.dispatch_service import DispatchService
from tests.polling import poll


@pytest.fixture
async def service(servers: real.ServerAddresses, database: str, topic_prefix: str) -> AsyncIterator[DispatchService]:
    async with dispatch_service.open_service(servers.kafka, topic_prefix, database) as opened:
        yield opened


async def history(service: DispatchService) -> list[tuple[object, ...]]:
    """Return every event of every case, byte for byte."""
    conn = await asyncpg.connect(service.dsn)
    try:
        rows = await conn.fetch("SELECT case_id, version, event, chain FROM dispatch.history ORDER BY 1, 2")
    finally:
        await conn.close()
    return [tuple(row) for row in rows]


async def clear_database(service: DispatchService) -> None:
    """Reset the database to the moment before the first record."""
    conn = await asyncpg.connect(service.dsn, server_settings={"search_path": "dispatch"})
    try:
        await conn.execute("SET session_replication_role = replica")
        for table in (
            "history",
            "case_now",
            "case_report",
            "noted_report",
            "outcome",
            "timer",
            "lane_city",
            "helper",
            "photo",
            "lane",
            "outbox",
        ):
            await conn.execute(f"DELETE FROM {table}")
    finally:
        await conn.close()


async def test_empty_database_is_rebuilt_from_the_log(service: DispatchService, tmp_path: Path) -> None:
    """A database restored to an earlier moment gets the same ids, versions and bytes, and no timer counts twice."""
    reports = [
        build_report("1"),
        build_report("2", east_m=10),
        build_report("3", east_m=500),
        build_report("4", city="nowhere"),
    ]
    await service.append_to_inbox(city_in_force(), *reports)
    with service.start_process("--only", "loop", log=tmp_path / "first.log"):
        await service.await_messages("paidan.cases", 9)  # two cases: opened, dispatched, two clocks each; one joined
    written = await history(service)
    assert len(written) == 9
    published = {(each["case_id"], each["version"]): each for each in await service.read_topic("paidan.cases")}

    await clear_database(service)
    with service.start_process("--only", "loop", log=tmp_path / "second.log"):

        async def healed() -> bool:
            return await history(service) == written

        await poll(healed, within_s=60, what="the same history")
        again = await service.await_messages("paidan.cases", 18)

    assert {(each["case_id"], each["version"]): each for each in again} == published
    assert [each["version"] for each in again if each["case_id"] == case_id_of(reports[2])] == [1, 2, 3, 4] * 2


async def test_a_missing_pack_ends_the_process_with_a_halt_that_stays(service: DispatchService, tmp_path: Path) -> None:
    await service.append_to_inbox(city_in_force(of_version="f" * 64))

    for attempt in (1, 2):
        with service.start_process("--only", "loop", log=tmp_path / f"{attempt}.log") as process:
            await poll(lambda: process.poll() is not None, within_s=60, what="the process has ended")
            assert process.returncode == 75
    assert await service.fetch_value("SELECT reason FROM halt") == "city_pack_missing"
