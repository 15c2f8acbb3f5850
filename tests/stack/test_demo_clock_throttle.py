"""The demo city's clock waits for whoever falls behind, so that a day's reports carry that day's date."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from paidan_chassis import migrations
from paidan_chassis.clock import ScaledClock, set_scale
from paidan_deploy.demo.arrivals import LAST_S
from paidan_deploy.demo.clock_throttle import (
    LEAD_S,
    Leash,
    lead,
    may_run_to,
)
from paidan_deploy.demo.monitor import Seen
from paidan_deploy.demo.scheduler import Agenda
from paidan_deploy.demo.sources import Reporters, Taken
from tests.polling import poll

MIDNIGHT = datetime(2026, 3, 1, 16, tzinfo=UTC)
ENDS = MIDNIGHT + timedelta(days=1)
# A day in a second; a lead is longer than a day, so each test says how far the clock may be at most.
FACTOR = 86_400.0


@pytest.fixture
async def dsn(database: str) -> str:
    connection = await asyncpg.connect(database)
    try:
        await migrations.migrate(connection, "cities", [migrations.CITIES])
    finally:
        await connection.close()
    return database


async def started(
    dsn: str, *, factor: float, planned: int, starts: datetime = MIDNIGHT, fast_until: datetime = MIDNIGHT
) -> Leash:
    connection = await asyncpg.connect(dsn)
    try:
        scale = await set_scale(connection, starts=starts, factor=factor, fast_until=fast_until)
    finally:
        await connection.close()
    clock = ScaledClock(scale)
    return Leash(dsn, MIDNIGHT, clock, Agenda(clock), Reporters({}), Seen(), planned)


@pytest.fixture
async def slow(dsn: str) -> AsyncIterator[Leash]:
    """Give a day of which a lead is a quarter of an hour."""
    leash = await started(dsn, factor=900 / LEAD_S, planned=1)
    yield leash
    await leash.close()


def test_the_clock_may_be_a_lead_ahead_of_the_oldest_that_is_undone() -> None:
    noon, due = MIDNIGHT + timedelta(hours=12), MIDNIGHT + timedelta(hours=11)

    assert may_run_to(noon, [], factor=900, at_most=ENDS) == noon + lead(900)
    assert may_run_to(noon, [noon, due], factor=900, at_most=ENDS) == due + lead(900)
    assert may_run_to(noon, [noon + timedelta(hours=3)], factor=900, at_most=ENDS) == noon + lead(900)
    assert may_run_to(ENDS, [], factor=900, at_most=ENDS) == ENDS


async def test_the_clock_stands_while_a_deed_that_was_due_is_under_way_and_runs_on_after(slow: Leash) -> None:
    sent, due = asyncio.Event(), MIDNIGHT + timedelta(minutes=1)

    async def send() -> None:
        await sent.wait()

    slow.agenda.note(due, send)
    working = asyncio.create_task(slow.agenda.keep())
    try:
        await poll(lambda: lengthened(slow), within_s=20, what="the clock waits")
        assert slow.clock.now() < due + lead(slow.clock.scale.factor) + timedelta(seconds=20)

        stood_at = slow.clock.now()
        sent.set()
        await poll(lambda: lengthened(slow, waits=False), within_s=20, what="the clock runs on")
        assert stood_at <= slow.clock.now()
        assert slow.waited_s > 0
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def lengthened(leash: Leash, *, waits: bool = True) -> bool:
    await leash.lengthen()
    return leash.waits is waits


async def test_looking_at_a_queue_is_work_that_the_clock_waits_for(slow: Leash) -> None:
    began = slow.clock.now()
    with slow.agenda.under_way():
        await poll(lambda: lengthened(slow), within_s=20, what="the clock waits")

        assert slow.clock.now() < began + lead(slow.clock.scale.factor) + timedelta(seconds=20)
    await poll(lambda: lengthened(slow, waits=False), within_s=20, what="the clock runs on")


@pytest.mark.parametrize("why", ["unsent", "undecided"])
async def test_the_day_does_not_end_before_all_its_reports_are_in(dsn: str, why: str) -> None:
    """A machine that is slow in the evening would date them the following day."""
    leash = await started(dsn, factor=FACTOR, planned=1)
    if why == "undecided":
        leash.reporters.sent = 1
        leash.reporters.undecided["report"] = Taken(MIDNIGHT + timedelta(hours=23), asyncio.get_running_loop().time())
    try:
        await poll(lambda: lengthened(leash), within_s=20, what="the clock waits in the evening")
        assert MIDNIGHT + timedelta(hours=23, minutes=50) < leash.clock.now() < ENDS - timedelta(minutes=5)

        leash.reporters.sent = 1
        leash.seen.outcome("report", "opened")
        await poll(lambda: runs_to_its_end(leash), within_s=60, what="the day ends")
    finally:
        await leash.close()


async def test_the_last_minutes_of_an_evening_are_not_lived_at_real_speed(dsn: str) -> None:
    """However little is left until the last report is sent: minutes are minutes at real speed."""
    evening = MIDNIGHT + timedelta(seconds=LAST_S + 60)
    starts, fast_until = evening - timedelta(minutes=5), evening - timedelta(minutes=1)
    leash = await started(dsn, factor=900 / LEAD_S, planned=1, starts=starts, fast_until=fast_until)
    try:
        await leash.lengthen()

        assert leash.clock.scale.fast_until == evening
    finally:
        await leash.close()


async def test_the_clock_waits_for_a_database_that_comes_back_and_for_nothing_else(dsn: str, slow: Leash) -> None:
    await slow.lengthen()
    told = slow.clock.scale.fast_until
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await poll(lambda: lengthened_beyond(slow, told), within_s=20, what="another session lets the clock run on")

        await connection.execute("DROP TABLE cities.clock")
        with pytest.raises(asyncpg.UndefinedTableError):
            await poll(lambda: lengthened(slow), within_s=20, what="the clock has to be let run")
    finally:
        await connection.close()


async def lengthened_beyond(leash: Leash, told: datetime) -> bool:
    await leash.lengthen()
    return leash.clock.scale.fast_until > told


async def runs_to_its_end(leash: Leash) -> bool:
    await leash.lengthen()
    return leash.clock.now() >= ENDS
