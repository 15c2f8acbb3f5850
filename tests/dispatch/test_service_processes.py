"""Dispatch in processes of its own: stopped, restarted, its database lost and rebuilt from the log."""

import json
import signal
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from paidan_chassis.clock import real_now
from paidan_contracts import ids
from tests import servers as real
from tests.dispatch import database_fixture, dispatch_service
from tests.dispatch.dispatch_service import DispatchService
from tests.dispatch.inbox_entries import START_TIME, build_report, case_id_of, city_in_force
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
            "emergency",
            "emergency_area",
            "emergency_case",
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


async def put_plan_in_force(service: DispatchService) -> None:
    """Put the tiny city in force with a plan that halves every limit, which counts all hours."""
    pack = json.loads(database_fixture.pack_bytes())
    for row in pack["catalogue"]["rows"]:
        row["limit"] = {"amount": 2, "unit": "urgent_hour"}
    level = {"id": "1", "names": {"zh": "一级", "en": "I"}, "limits": [{"share": 0.5}]}
    minimum = {"amount": 10, "unit": "urgent_minute"}
    terms = {"duties": ["operator"], "departments": ["streets"], "minimum": minimum, "levels": [level]}
    pack["emergencies"] = [{"id": "storm", "names": {"zh": "防汛", "en": "Storm"}, **terms}]
    conn = await asyncpg.connect(service.dsn)
    try:
        content = json.dumps(pack, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
        version = await database_fixture.publish_pack(conn, content)
    finally:
        await conn.close()
    await service.append_to_inbox(city_in_force(of_version=version))


async def test_running_cases_of_every_lane_are_set_anew_though_the_process_is_killed(
    service: DispatchService, tmp_path: Path
) -> None:
    """A department declares over Kafka; the process dies as soon as the first portion is applied, and again."""
    await put_plan_in_force(service)
    minutes = (real_now() - START_TIME) / timedelta(minutes=1)
    areas = ("tiny", "tiny.990101", "tiny.990102")
    reports = [
        build_report(f"{area} {n}", area=area, minutes=minutes, east_m=200 * n) for area in areas for n in range(300)
    ]
    await service.append_to_inbox(*reports)
    storm = {"kind": "declare_emergency", "plan": "storm", "level": "1", "reason": "heavy rain"}
    answer = {"case_id": ids.city_subject("tiny"), "id": "storm 1", "action": storm}

    async def reclocked(at_least: int) -> bool:
        statement = "SELECT count(*) FROM history WHERE convert_from(event, 'UTF8') LIKE '%case.reclocked.v1%'"
        return int(await service.fetch_value(statement)) >= at_least

    with service.start_process("--only", "loop", log=tmp_path / "1.log") as process:
        await poll(lambda: service.fetch_value("SELECT count(*) = 900 FROM case_now"), within_s=60, what="900 cases")
        await service.append_answer("streets", answer)
        await poll(lambda: reclocked(1), within_s=60, what="a portion")
        process.kill()
    with service.start_process("--only", "loop", log=tmp_path / "2.log") as process:
        await service.append_answer("streets", answer)
        await poll(lambda: reclocked(300), within_s=60, what="more portions")
        process.kill()
    with service.start_process("--only", "loop", log=tmp_path / "3.log"):
        unfinished = "SELECT count(*) = 3 FROM emergency_area WHERE step IS NULL"
        await poll(lambda: service.fetch_value(unfinished), within_s=60, what="every area settled")

    assert await service.fetch_value("SELECT sum(shortened) FROM emergency_area") == 900
    events = [row[2] for row in await history(service)]
    anew = [json.loads(each) for each in events if isinstance(each, bytes) and b"case.reclocked.v1" in each]
    assert len(anew) == len({each["case_id"] for each in anew}) == 900
    assert {each["state"]["assignments"][-1]["limits"][-1]["shortened"]["rule"]["rule"] for each in anew} == {"storm.1"}
    announced = {each["declaration"]["declaration_id"] for each in await service.read_topic("paidan.emergencies")}
    assert announced == {ids.action_id("department:streets", "storm 1")}


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
