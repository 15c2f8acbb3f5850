"""Screening depends on the log alone: kills and a restored database change no outcome."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import servers as real
from tests.intake.intake_service import IntakeService
from tests.intake.ticket_payloads import POSITION
from tests.polling import poll

pytestmark = pytest.mark.takes(seconds=25)


def build_alarms(number: int) -> list[dict[str, Any]]:
    """Return alarms of three cameras that re-fire, with repeats."""
    fired = [
        {
            "alarm_ref": f"{each}",
            "camera": f"{each % 3}",
            "category": "890",
            "confidence": (0.9, 0.6, 0.3)[each % 7 % 3],
            "position": POSITION,
            "occurred_at": f"2026-03-02T{each // 180 % 24:02d}:{each // 3 % 60:02d}:00+08:00",
        }
        for each in range(number)
    ]
    return [*fired, *fired[:: number // 20]]


async def append_all(service: IntakeService, alarms: list[dict[str, Any]]) -> None:
    """Send alarms in order, each until it is accepted."""
    for alarm in alarms:
        while True:
            try:
                async with service.client("camera") as client:
                    if (await client.post("/v1/alarms/generic", json=alarm)).status_code == 202:
                        break
            except httpx.HTTPError:
                await asyncio.sleep(0.05)


async def outcomes_of(service: IntakeService, number: int) -> dict[str, str]:
    """Wait until this many alarms have an outcome, and return the outcome of each."""

    async def look() -> dict[str, str]:
        found: dict[str, str] = {}
        for each in [*await service.read_topic("paidan.inbox"), *await service.read_topic("paidan.outcomes")]:
            end = each["why"]["code"] if "why" in each else f"reported {each['verify_first']}"
            assert found.setdefault(each.get("report_id") or each["id"], end) == end, "one outcome for each"
        return found if len(found) >= number else {}

    return await poll(look, within_s=40, what=f"{number} alarms have an outcome")


async def test_screening_is_the_same_after_kills_and_after_a_restored_database(
    private_intake: IntakeService, servers: real.ServerAddresses, tmp_path: Path
) -> None:
    """After kills, and after a restore of the empty database, the same log leads to the same messages."""
    await private_intake.start()
    await private_intake.fetch("SELECT 1")
    private_intake.kill()
    template = private_intake.database.rsplit("/", 1)[1]
    async with real.fresh_database(servers, template=template) as copy:
        await private_intake.start()
        async with asyncio.TaskGroup() as group:
            group.create_task(append_all(private_intake, build_alarms(240)))
            for _ in range(2):
                await asyncio.sleep(0.5)
                private_intake.kill()
                await private_intake.start()
        first = await outcomes_of(private_intake, 240)
        records = await inbox_bodies(private_intake)
        private_intake.kill()

        restored = IntakeService(private_intake.kafka, copy, private_intake.prefix, tmp_path, private_intake.tokens)
        try:
            await restored.start()
            count_reports = "SELECT count(*) FROM vault"
            await poll(lambda: _is(restored, count_reports, 240), within_s=30, what="the log is applied again")
            assert restored.stop() == 0
        finally:
            await restored.close()
        again = await inbox_bodies(private_intake)

    assert set(first.values()) == {"reported False", "reported True", "alarm_refired", "alarm_below_confidence"}
    assert again == records, "repeated messages are identical"


async def inbox_bodies(service: IntakeService) -> set[str]:
    """Return the messages about alarms, without the headers that the relay adds."""
    found = [*await service.read_topic("paidan.inbox"), *await service.read_topic("paidan.outcomes")]
    return {json.dumps({**each, "headers": 0}, sort_keys=True) for each in found}


async def _is(service: IntakeService, statement: str, number: int) -> bool:
    [row] = await service.fetch(statement)
    return bool(row[0] == number)
