"""The demo city's clock waits for late work, so that a day's reports carry that day's date."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from paidan_chassis import migrations
from paidan_chassis.clock import ScaledClock, set_scale
from paidan_deploy.demo.arrivals import LAST_REPORT_S, PLAYED_S
from paidan_deploy.demo.clock_throttle import CLOCK_LEAD_S, ClockThrottle, clock_lead, clock_limit
from paidan_deploy.demo.monitor import Observed
from paidan_deploy.demo.scheduler import Scheduler
from paidan_deploy.demo.sources import DemoSources, PendingReport
from tests.polling import poll

pytestmark = pytest.mark.takes(seconds=10)

MIDNIGHT = datetime(2026, 3, 1, 16, tzinfo=UTC)
DAY_END = MIDNIGHT + timedelta(seconds=PLAYED_S)
# A day in a second; a lead is longer than a day, so each test sets the latest time itself.
FACTOR = 86_400.0


@pytest.fixture
async def dsn(database: str) -> str:
    connection = await asyncpg.connect(database)
    try:
        await migrations.migrate(connection, "cities", [migrations.CITIES_MIGRATIONS])
    finally:
        await connection.close()
    return database


async def start_throttle(
    dsn: str, *, factor: float, planned: int, starts: datetime = MIDNIGHT, fast_until: datetime = MIDNIGHT
) -> ClockThrottle:
    connection = await asyncpg.connect(dsn)
    try:
        scale = await set_scale(connection, city_time=starts, factor=factor, fast_until=fast_until)
    finally:
        await connection.close()
    clock = ScaledClock(scale)
    return ClockThrottle(dsn, MIDNIGHT, clock, Scheduler(clock), DemoSources({}), Observed(), planned)


@pytest.fixture
async def slow_throttle(dsn: str) -> AsyncIterator[ClockThrottle]:
    """Yield the throttle of a day in which a lead is a quarter of an hour."""
    throttle = await start_throttle(dsn, factor=900 / CLOCK_LEAD_S, planned=1)
    yield throttle
    await throttle.close()


def test_clock_limit_is_a_lead_ahead_of_the_oldest_due_task() -> None:
    noon, due = MIDNIGHT + timedelta(hours=12), MIDNIGHT + timedelta(hours=11)

    assert clock_limit(noon, [], factor=900, latest=DAY_END) == noon + clock_lead(900)
    assert clock_limit(noon, [noon, due], factor=900, latest=DAY_END) == due + clock_lead(900)
    assert clock_limit(noon, [noon + timedelta(hours=3)], factor=900, latest=DAY_END) == noon + clock_lead(900)
    assert clock_limit(DAY_END, [], factor=900, latest=DAY_END) == DAY_END


async def test_clock_waits_for_a_running_due_task(slow_throttle: ClockThrottle) -> None:
    sent, due = asyncio.Event(), MIDNIGHT + timedelta(minutes=1)

    async def send() -> None:
        await sent.wait()

    slow_throttle.scheduler.schedule(due, send)
    working = asyncio.create_task(slow_throttle.scheduler.run())
    try:
        await poll(lambda: advances_to(slow_throttle), what="the clock waits")
        assert slow_throttle.clock.now() < due + clock_lead(slow_throttle.clock.scale.factor) + timedelta(seconds=20)

        stood_at = slow_throttle.clock.now()
        sent.set()
        await poll(lambda: advances_to(slow_throttle, throttled=False), what="the clock runs on")
        assert stood_at <= slow_throttle.clock.now()
        assert slow_throttle.throttled_s > 0
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def advances_to(throttle: ClockThrottle, *, throttled: bool = True) -> bool:
    await throttle.advance()
    return throttle.is_throttled is throttled


async def test_clock_waits_for_a_queue_poll(slow_throttle: ClockThrottle) -> None:
    started_at = slow_throttle.clock.now()
    with slow_throttle.scheduler.running_task():
        await poll(lambda: advances_to(slow_throttle), what="the clock waits")

        assert slow_throttle.clock.now() < started_at + clock_lead(slow_throttle.clock.scale.factor) + timedelta(
            seconds=20
        )
    await poll(lambda: advances_to(slow_throttle, throttled=False), what="the clock runs on")


@pytest.mark.parametrize("why", ["unsent", "undecided"])
async def test_the_day_does_not_end_before_all_its_reports_are_in(dsn: str, why: str) -> None:
    """A machine that is slow in the evening would date them the following day."""
    throttle = await start_throttle(dsn, factor=FACTOR, planned=1)
    if why == "undecided":
        throttle.sources.sent = 1
        throttle.sources.undecided["report"] = PendingReport(
            DAY_END - timedelta(hours=1), asyncio.get_running_loop().time()
        )
    try:
        await poll(lambda: advances_to(throttle), what="the clock waits in the evening")
        assert MIDNIGHT + timedelta(seconds=LAST_REPORT_S) < throttle.clock.now() < DAY_END - timedelta(minutes=5)

        throttle.sources.sent = 1
        throttle.observed.record_outcome("report", "opened")
        await poll(lambda: reaches_day_end(throttle), within_s=60, what="the day ends")
    finally:
        await throttle.close()


async def test_last_minutes_before_the_final_report_run_fast(dsn: str) -> None:
    """However little is left until the last report is sent: minutes are minutes at real speed."""
    evening = MIDNIGHT + timedelta(seconds=LAST_REPORT_S + 60)
    starts, fast_until = evening - timedelta(minutes=5), evening - timedelta(minutes=1)
    throttle = await start_throttle(dsn, factor=900 / CLOCK_LEAD_S, planned=1, starts=starts, fast_until=fast_until)
    try:
        await throttle.advance()

        assert throttle.clock.scale.fast_until == evening
    finally:
        await throttle.close()


async def test_clock_waits_only_for_transient_database_errors(dsn: str, slow_throttle: ClockThrottle) -> None:
    await slow_throttle.advance()
    previous_end = slow_throttle.clock.scale.fast_until
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await poll(
            lambda: advances_beyond(slow_throttle, previous_end),
            what="another session lets the clock run on",
        )

        await connection.execute("DROP TABLE cities.clock")
        with pytest.raises(asyncpg.UndefinedTableError):
            await poll(lambda: advances_to(slow_throttle), what="the clock has to be let run")
    finally:
        await connection.close()


async def advances_beyond(throttle: ClockThrottle, previous_end: datetime) -> bool:
    await throttle.advance()
    return throttle.clock.scale.fast_until > previous_end


async def reaches_day_end(throttle: ClockThrottle) -> bool:
    await throttle.advance()
    return throttle.clock.now() >= DAY_END
