"""City time follows the scale that was set, equally in every process, and never decreases."""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from paidan_chassis import clock, migrations
from paidan_chassis.clock import ClockNotSet, ClockScale, ClockSetBack, RealClock, ScaledClock
from paidan_chassis.database import Connection, Pool, open_pool
from tests.polling import poll

pytestmark = pytest.mark.takes(seconds=10)

DAY = datetime(2026, 3, 3, tzinfo=UTC)
REAL = datetime(2026, 11, 21, 20, tzinfo=UTC)
FAST_SCALE = ClockScale(anchor_real=REAL, anchor_city=DAY, factor=1200, fast_until=DAY + timedelta(days=1))


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    """Open a pool in a database with schema cities."""
    connection = await asyncpg.connect(database)
    await migrations.migrate(connection, "cities", [migrations.CITIES_MIGRATIONS])
    await connection.close()
    async with open_pool(SecretStr(database), schema="cities") as opened:
        yield opened


def test_a_day_takes_72_seconds_at_factor_1200() -> None:
    assert FAST_SCALE.city_time(REAL + timedelta(seconds=36)) == DAY + timedelta(hours=12)
    assert FAST_SCALE.city_time(REAL + timedelta(seconds=72)) == DAY + timedelta(days=1)


def test_clock_runs_at_real_speed_after_the_fast_stretch() -> None:
    """A machine that was off for a night must not resume a year later."""
    assert FAST_SCALE.city_time(REAL + timedelta(seconds=72, hours=8)) == DAY + timedelta(days=1, hours=8)
    assert FAST_SCALE.city_time(REAL + timedelta(seconds=72, weeks=999)) == DAY + timedelta(days=1, weeks=999)


seconds = st.integers(-100, 200).map(lambda n: timedelta(seconds=n))


@given(seconds, seconds)
def test_city_time_never_runs_back(a: timedelta, b: timedelta) -> None:
    earlier, later = sorted((a, b))

    assert FAST_SCALE.city_time(REAL + earlier) <= FAST_SCALE.city_time(REAL + later)


@given(st.integers(0, 10**9), st.floats(1, 1e6), st.integers(0, 10**6))
def test_fast_stretch_ends_at_its_configured_time(length_us: int, factor: float, after_us: int) -> None:
    """To the microsecond, for any length and factor: the database computes it without rounding."""
    scale = ClockScale(
        anchor_real=REAL, anchor_city=DAY, factor=factor, fast_until=DAY + timedelta(microseconds=length_us)
    )
    over = REAL + timedelta(microseconds=math.ceil(length_us / factor))

    reached = scale.city_time(over + timedelta(microseconds=after_us)) - scale.fast_until

    assert abs(reached - timedelta(microseconds=after_us)) <= timedelta(microseconds=1)


@given(st.integers(0, 100), st.integers(0, 2 * 86400))
def test_sleeping_the_computed_delay_reaches_the_moment(waited_s: int, city_s: int) -> None:
    """On either side of the end of the fast stretch, and across it."""
    real, moment = REAL + timedelta(seconds=waited_s), DAY + timedelta(seconds=city_s)

    wait = FAST_SCALE.real_wait(moment, real)

    reached = FAST_SCALE.city_time(real + wait)
    assert reached >= moment - timedelta(milliseconds=2)
    assert wait == timedelta() or reached <= moment + timedelta(milliseconds=2)


# Half-hours of city time and seconds of real time, which often meet at the stretch's end at 30 minutes a second.
ends = st.integers(0, 6).map(lambda halves: DAY + timedelta(minutes=30 * halves))
moments = st.integers(0, 8).map(lambda s: REAL + timedelta(seconds=s))


@given(ends, st.lists(st.tuples(moments, ends), max_size=4), moments)
def test_extending_the_fast_stretch_never_moves_time_back(
    first: datetime, longer: list[tuple[datetime, datetime]], asked: datetime
) -> None:
    """A process that has not polled the newest scale must never read a later time than one that has."""
    scale = ClockScale(anchor_real=REAL, anchor_city=DAY, factor=1800, fast_until=first)
    for real, until in sorted(longer):
        before, scale = scale, scale.extended_to(until, real)

        assert scale.city_time(real) == before.city_time(real)
        assert scale.city_time(max(asked, real)) >= before.city_time(max(asked, real))
        assert scale.fast_until >= before.fast_until
        assert scale.city_time(max(asked, real)) <= scale.fast_until + (max(asked, real) - REAL)


async def test_paused_clock_continues_from_where_it_paused(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await clock.set_scale(conn, city_time=DAY, factor=1e6, fast_until=DAY + timedelta(hours=1))
        await poll(lambda: _current_time(conn, later_than=DAY + timedelta(hours=1)), what="the fast stretch is over")

        scale = await clock.extend_fast_until(conn, until=DAY + timedelta(hours=9))

        assert await clock.read_scale(conn) == scale
        assert DAY + timedelta(hours=1) < scale.anchor_city < DAY + timedelta(hours=1, minutes=1)
        assert scale.fast_until == DAY + timedelta(hours=9)


async def _current_time(conn: Connection, *, later_than: datetime) -> bool:
    scale = await clock.read_scale(conn)
    return scale is not None and scale.city_time(clock.real_now()) > later_than


async def test_all_pollers_read_the_same_time(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await clock.set_scale(conn, city_time=DAY, factor=10, fast_until=DAY + timedelta(days=1))

    async with clock.open_clock("scaled", pool) as one, clock.open_clock("scaled", pool) as other:
        apart = abs(one.now() - other.now())

    assert apart < timedelta(seconds=5)


async def test_running_clock_picks_up_a_new_scale(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await clock.set_scale(conn, city_time=DAY, factor=1, fast_until=DAY)
        async with clock.open_clock("scaled", pool) as running:
            next_day = DAY + timedelta(days=1)
            await clock.set_scale(conn, city_time=next_day, factor=1, fast_until=next_day)

            await poll(lambda: running.now() >= next_day, what="the new day is known")


async def test_time_cannot_be_set_back(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await clock.set_scale(conn, city_time=DAY, factor=1, fast_until=DAY)

        with pytest.raises(ClockSetBack):
            await clock.set_scale(conn, city_time=DAY - timedelta(hours=1), factor=1, fast_until=DAY)

        assert await clock.read_scale(conn) is not None
        assert (await clock.read_scale(conn)).anchor_city == DAY  # type: ignore[union-attr] # asserted above


async def test_database_refuses_setting_time_back(pool: Pool) -> None:
    """An UPDATE by hand is refused by the database itself."""
    async with pool.acquire() as conn:
        await clock.set_scale(conn, city_time=DAY, factor=1200, fast_until=DAY + timedelta(days=1))

        with pytest.raises(asyncpg.CheckViolationError, match="cannot become"):
            await conn.execute("UPDATE clock SET anchor_city = $1, fast_until = $1", DAY - timedelta(seconds=5))


async def test_database_and_python_agree_on_the_earliest_allowed_time(pool: Pool) -> None:
    """Within the fast stretch, after it, and where it lasts no whole number of microseconds in real time."""
    uneven = ClockScale(
        anchor_real=REAL, anchor_city=DAY, factor=86_400, fast_until=DAY + timedelta(milliseconds=1_000_040)
    )
    for scale, passed_s in ((FAST_SCALE, 10), (FAST_SCALE, 100), (uneven, 1)):
        before_replay, later = scale.city_time(REAL + timedelta(seconds=passed_s)), REAL + timedelta(seconds=passed_s)
        async with pool.acquire() as conn:
            await conn.execute("DELETE FROM clock")
            await conn.execute(clock.UPSERT_SCALE, scale.anchor_real, scale.anchor_city, scale.factor, scale.fast_until)

            with pytest.raises(asyncpg.CheckViolationError):
                await conn.execute(
                    clock.UPSERT_SCALE, later, before_replay - timedelta(milliseconds=5), 1.0, before_replay
                )
            await conn.execute(clock.UPSERT_SCALE, later, before_replay, 1.0, before_replay)


async def test_unset_scaled_clock_is_refused(pool: Pool) -> None:
    """Falling back to real time would set city time back as soon as the clock is set."""
    with pytest.raises(ClockNotSet):
        async with clock.open_clock("scaled", pool):
            pass


async def test_sleeping_follows_the_city() -> None:
    running = ScaledClock(ClockScale(clock.real_now(), DAY, 3600, DAY + timedelta(days=365)))
    started = time.monotonic()

    await running.sleep_until(DAY + timedelta(minutes=30))

    assert running.now() >= DAY + timedelta(minutes=30)
    assert time.monotonic() - started < 3


async def test_sleep_ends_when_the_clock_is_set_forward(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await clock.set_scale(conn, city_time=DAY, factor=1, fast_until=DAY)
        async with clock.open_clock("scaled", pool) as running, asyncio.timeout(30):
            sleeping = asyncio.ensure_future(running.sleep_until(DAY + timedelta(hours=1)))
            await clock.set_scale(conn, city_time=DAY + timedelta(hours=2), factor=1, fast_until=DAY)

            await sleeping


async def test_sleeping_until_the_past_returns_at_once() -> None:
    async with asyncio.timeout(30):
        await RealClock().sleep_until(datetime(2020, 1, 1, tzinfo=UTC))


def test_real_time_survives_a_backward_system_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    running = RealClock()
    before = running.now()

    monkeypatch.setattr("time.time", lambda: before.timestamp() - 60)

    assert running.now() == before
