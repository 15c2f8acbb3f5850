"""A period is said to be counted anew only where other definitions were in force before it had ended."""

import json
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from paidan_chassis.clock import ClockScale, RealClock, ScaledClock
from paidan_cockpit.city_packs import PackCache
from paidan_cockpit.pages.restatement import find_change_of_definitions, restated_periods
from paidan_contracts.city import City
from tests.scoring.database_fixture import pack_bytes, publish_pack

AT: Final = datetime(2026, 2, 1, tzinfo=UTC)
SHANGHAI: Final = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("changed_at", "restated"),
    [
        (None, set()),
        ("2026-02-28T15:59:00+00:00", {"2025", "2026-01"}),
        ("2026-02-28T16:00:00+00:00", {"2025", "2026-01", "2026-02", "2026-02-28"}),
    ],
)
def test_a_period_that_had_ended_in_the_citys_own_time_is_restated(changed_at: str | None, restated: set[str]) -> None:
    at = datetime.fromisoformat(changed_at) if changed_at else None

    assert restated_periods(["2025", "2026", "2026-01", "2026-02", "2026-02-28", "9999"], at, SHANGHAI) == restated


async def test_definitions_have_changed_since_the_first_pack_that_has_the_present_ones(
    pool: "asyncpg.Pool[Any]",
) -> None:
    clock, cache = RealClock(), PackCache(pool)
    packs = [pack_bytes(), *(_pack(name, version) for name, version in (("b", "new.2"), ("c", "new.2")))]
    city = City.from_canonical(packs[-1])
    assert await find_change_of_definitions(cache, clock, City.from_canonical(packs[0])) is None
    assert await cache.find(city.version) is None

    for day, content in enumerate(packs, start=1):
        version = await publish_pack(pool, content)
        at = datetime(2026, 2, day, tzinfo=UTC)
        await pool.execute("UPDATE cities.pack SET published_at = $1 WHERE version = $2", at, version)

    assert await find_change_of_definitions(cache, clock, city) == datetime(2026, 2, 2, tzinfo=UTC)
    scale = ClockScale(anchor_real=AT, anchor_city=AT, factor=60, fast_until=AT)
    assert await find_change_of_definitions(cache, ScaledClock(scale), city) is None
    assert await cache.find(city.version) is not None, "a version that was asked for before it was published"


def _pack(name: str, version: str) -> bytes:
    """Return the tests' pack with another name, and with definitions of another version."""
    content = json.loads(pack_bytes())
    content["names"]["en"] = name
    content["indicators"]["version"] = version
    return City.from_canonical(json.dumps(content).encode()).pack.canonical_bytes()
