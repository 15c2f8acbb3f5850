"""A source that falls silent is noticed: whatever it sends counts, in every process, over restarts."""

import csv
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import httpx
import pytest
from pydantic import SecretStr

from paidan_chassis.clock import ClockScale, ScaledClock, real_now
from paidan_chassis.database import Pool, open_pool
from paidan_chassis.observability.metrics import Metrics
from paidan_contracts.city import load_pack
from paidan_intake.city_packs import PackCache
from paidan_intake.source_activity import SourceActivity
from tests.intake.intake_service import TINY, IntakeService, publish_pack
from tests.intake.test_alarms import build_alarm, post_alarm
from tests.intake.ticket_payloads import build_ticket
from tests.polling import poll

pytestmark = pytest.mark.takes(seconds=10)

NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)


def pack_with_limits(folder: Path, **limits: str) -> Path:
    """Copy the tiny city with the column silent_after_min."""
    shutil.copytree(TINY, folder)
    with (folder / "sources.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with (folder / "sources.csv").open("w", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*rows[0], "silent_after_min"])
        writer.writeheader()
        writer.writerows(row | {"silent_after_min": limits.get(row["id"], "")} for row in rows)
    return folder


async def publish_limits(database: str, folder: Path, **limits: str) -> None:
    conn = await asyncpg.connect(database)
    try:
        await publish_pack(conn, pack_with_limits(folder, **limits))
    finally:
        await conn.close()


@pytest.fixture
async def pool(private_intake: IntakeService, tmp_path: Path) -> AsyncIterator[Pool]:
    await publish_limits(private_intake.database, tmp_path / "pack", hotline="30", camera="1")
    async with open_pool(SecretStr(private_intake.database), schema="intake", size=2) as opened:
        yield opened


async def open_activity(pool: Pool, now: datetime) -> tuple[SourceActivity, Metrics]:
    packs, metrics = PackCache(pool, refresh_s=60), Metrics("intake")
    await packs.refresh()
    return SourceActivity(pool, packs, ScaledClock(ClockScale(real_now(), now, 1.0, now)), metrics), metrics


def gauge(metrics: Metrics, name: str, source: str) -> float | None:
    labels = {"service": "intake", "city": "tiny", "source": source}
    return metrics.registry.get_sample_value(name, labels)


async def test_silence_is_measured_from_the_last_report_of_any_process(pool: Pool) -> None:
    one, _ = await open_activity(pool, NOON)
    one.heard["hotline"] = NOON - timedelta(minutes=20)
    await one.update()
    other, metrics = await open_activity(pool, NOON + timedelta(minutes=10))
    other.heard["hotline"] = NOON - timedelta(minutes=50)  # what came first must not count as the last
    await other.update()

    assert gauge(metrics, "paidan_source_silent_seconds", "hotline") == pytest.approx(1800, abs=5)
    assert gauge(metrics, "paidan_source_silence_limit_seconds", "hotline") == 1800
    assert gauge(metrics, "paidan_source_silence_limit_seconds", "camera") == 60


async def test_a_source_that_never_spoke_is_silent_from_the_first_look_on(pool: Pool) -> None:
    first, _ = await open_activity(pool, NOON)
    await first.update()
    later, metrics = await open_activity(pool, NOON + timedelta(minutes=3))
    await later.update()

    assert gauge(metrics, "paidan_source_silent_seconds", "camera") == pytest.approx(180, abs=5)


async def test_a_source_without_a_limit_is_not_shown(pool: Pool) -> None:
    activity, metrics = await open_activity(pool, NOON)
    activity.heard["photo"] = NOON
    await activity.update()

    assert gauge(metrics, "paidan_source_silent_seconds", "photo") is None


async def test_tickets_and_suppressed_alarms_count(private_intake: IntakeService, tmp_path: Path) -> None:
    """A camera whose alarms are all screened out is not silent."""
    await publish_limits(private_intake.database, tmp_path / "pack", hotline="30", camera="1")
    private_intake.settings["FIGURES_EVERY_S"] = "0.2"
    await private_intake.start()

    async with private_intake.client("hotline") as client:
        assert (await client.post("/v1/tickets", json=build_ticket())).status_code == 202
    await post_alarm(private_intake, build_alarm("c", confidence=0.01))

    async def heard() -> bool:
        rows = await private_intake.fetch(
            "SELECT source FROM source_activity WHERE last_seen > now() - interval '1 minute'"
        )
        return {row["source"] for row in rows} >= {"hotline", "camera"}

    await poll(heard, what="both sources are noted")
    async with httpx.AsyncClient() as client:
        text = (await client.get(f"{private_intake.url}/metrics")).text
    assert 'paidan_source_silence_limit_seconds{city="tiny",service="intake",source="camera"} 60.0' in text


@pytest.mark.parametrize("limit", ["0", "-5", "soon", "1000000"])
def test_a_limit_that_is_no_number_of_minutes_is_reported(limit: str, tmp_path: Path) -> None:
    diagnostics = load_pack(pack_with_limits(tmp_path / "pack", hotline=limit)).diagnostics

    assert [(each.file, each.field) for each in diagnostics] == [("sources.csv", "silent_after_min")]
