"""Dispatch in processes of its own: stopped, restarted, its database lost and rebuilt from the log."""

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from tests import servers as real
from tests.dispatch import dispatch_service
from tests.dispatch.dispatch_service import DispatchService
from tests.dispatch.inbox_entries import build_report, case_id_of, city_in_force
from tests.polling import poll

pytestmark = pytest.mark.takes(seconds=8)


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
        await service.await_messages("paidan.cases", 7)  # two cases: opened, two clocks each; one joined
    written = await history(service)
    assert len(written) == 7
    published = {(each["case_id"], each["version"]): each for each in await service.read_topic("paidan.cases")}

    await clear_database(service)
    with service.start_process("--only", "loop", log=tmp_path / "second.log"):

        async def healed() -> bool:
            return await history(service) == written

        await poll(healed, within_s=60, what="the same history")
        again = await service.await_messages("paidan.cases", 14)

    assert {(each["case_id"], each["version"]): each for each in again} == published
    assert [each["version"] for each in again if each["case_id"] == case_id_of(reports[2])] == [1, 2, 3] * 2


async def test_a_missing_pack_halts_the_inbox_alone_until_it_is_resumed(
    service: DispatchService, tmp_path: Path
) -> None:
    """The process goes on, and a new one finds the halt again."""
    await service.append_to_inbox(city_in_force(of_version="f" * 64))

    for attempt in (1, 2):
        log = tmp_path / f"{attempt}.log"
        log.touch()
        with service.start_process("--only", "loop", log=log) as process:
            await await_line(log, "loop_halted")
            assert process.poll() is None
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
            await await_line(log, '"halted": ["dispatch"]')
    assert await service.fetch_value("SELECT reason FROM halt") == "city_pack_missing"


async def await_line(log: Path, text: str) -> None:
    """Wait until a log contains a text."""
    await poll(lambda: text in log.read_text(), within_s=60, what=text)
