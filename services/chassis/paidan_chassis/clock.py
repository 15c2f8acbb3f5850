"""City time: the real time, or in a demonstration a scaled one. Decision modules get times as arguments."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final, Literal, Protocol, TypeAlias

from paidan_chassis.database import DB_ERRORS, Connection, Pool
from paidan_chassis.errors import ChassisError, Misconfigured

POLL_INTERVAL_S: Final = 1.0
ClockKind: TypeAlias = Literal["real", "scaled"]


class Clock(Protocol):
    """A source of city time."""

    def now(self) -> datetime:
        """Return the city time in UTC. It never decreases within a process."""
        ...

    def city_time(self, real: datetime) -> datetime:
        """Return the city time of a recent real time, such as a broker's append time.

        By the present scale: a real time before the clock was last set becomes the time that it was set to.
        """
        ...

    async def sleep_until(self, moment: datetime) -> None:
        """Return as soon as the city time has reached this moment."""
        ...


class ClockNotSet(ChassisError):
    """The settings have ``clock=scaled``, but the scaled clock is not set."""

    def __init__(self) -> None:
        super().__init__("the clock is to be scaled, but cities.clock has no row: set it before services start")


class ClockSetBack(ChassisError):
    """The scaled clock can only be set forward."""

    def __init__(self, requested: datetime, current: datetime) -> None:
        super().__init__(f"the city's time is {current.isoformat()} already, it cannot become {requested.isoformat()}")
        self.requested = requested
        self.current = current


class ClockMismatch(Misconfigured):
    """The settings name another clock than the one that the installation was started with."""

    def __init__(self, requested: ClockKind, kept: ClockKind) -> None:
        super().__init__(f"the settings say clock={requested}, but this installation's clock is {kept} (cities.clock)")


@dataclass(frozen=True, slots=True)
class ClockScale:
    """A linear map from real to city time: fast up to ``fast_until``, at real speed from there on.

    Without that end a machine that is off for a night would resume a year later.
    """

    anchor_real: datetime
    anchor_city: datetime
    factor: float
    fast_until: datetime

    def city_time(self, real: datetime) -> datetime:
        """Return the city time of a real time; for all times before the anchor, the anchor's."""
        elapsed, fast_duration = max(real - self.anchor_real, timedelta()), self._fast_duration()
        if elapsed < fast_duration:
            return self.anchor_city + elapsed * self.factor
        # Not the duration times the factor: a duration is rounded to a microsecond, and a factor of 86,400 turns half
        # of one into 43 ms. The database computes it without rounding.
        return self.fast_until + (elapsed - fast_duration)

    def real_wait(self, moment: datetime, real: datetime) -> timedelta:
        """Return the real time to wait until the city time is ``moment``."""
        city_now = self.city_time(real)
        fast = min(moment, self.fast_until) - city_now
        slow = moment - max(city_now, self.fast_until)
        return max(fast, timedelta()) / self.factor + max(slow, timedelta())

    def extended_to(self, until: datetime, real: datetime) -> "ClockScale":
        """Return a scale that is fast for longer. City times up to ``real`` stay the same."""
        city_now = self.city_time(real)
        if until <= max(self.fast_until, city_now):
            return self
        if real - self.anchor_real < self._fast_duration():
            return replace(self, fast_until=until)
        return replace(self, anchor_real=real, anchor_city=city_now, fast_until=until)

    def _fast_duration(self) -> timedelta:
        return (self.fast_until - self.anchor_city) / self.factor


class RealClock:
    """Real time, which does not decrease when the machine's clock is corrected."""

    def __init__(self) -> None:
        self._latest = 0.0

    def now(self) -> datetime:
        """Return the real time in UTC."""
        self._latest = max(self._latest, time.time())
        return datetime.fromtimestamp(self._latest, UTC)

    def city_time(self, real: datetime) -> datetime:
        """Return the real time itself."""
        return real

    async def sleep_until(self, moment: datetime) -> None:
        """Return as soon as the real time has reached this moment."""
        while (remaining_s := (moment - self.now()).total_seconds()) > 0:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(min(remaining_s, 60.0))  # the machine may be suspended, its clock corrected


class ScaledClock:
    """City time by the row of cities.clock, which is cached; ``poll`` refreshes it."""

    def __init__(self, scale: ClockScale) -> None:
        self._scale = scale
        self._latest = datetime.min.replace(tzinfo=UTC)

    def now(self) -> datetime:
        """Return the city time in UTC."""
        self._latest = max(self._latest, self._scale.city_time(real_now()))
        return self._latest

    def city_time(self, real: datetime) -> datetime:
        """Return the city time of a real time by the present scale."""
        return self._scale.city_time(real)

    async def sleep_until(self, moment: datetime) -> None:
        """Return as soon as the city time has reached this moment, even if the scale changes meanwhile."""
        while self.now() < moment:
            remaining_s = self._scale.real_wait(moment, real_now()).total_seconds()
            await asyncio.sleep(min(max(remaining_s, 0.001), POLL_INTERVAL_S))

    @property
    def scale(self) -> ClockScale:
        """Return the present scale."""
        return self._scale

    def apply(self, scale: ClockScale) -> None:
        """Apply a scale now, without waiting for the next poll."""
        self._scale = scale

    async def poll(self, pool: Pool) -> None:
        """Refresh the scale every second, for ever. While the database is down the last scale holds."""
        while True:
            await asyncio.sleep(POLL_INTERVAL_S)
            try:
                async with asyncio.timeout(5.0), pool.acquire() as conn:
                    self._scale = await read_scale(conn) or self._scale
            except DB_ERRORS:
                continue


real_now: Callable[[], datetime] = partial(datetime.now, UTC)
"""Return the real time in UTC, for log lines and for time-outs of machines. The city's time is a Clock's."""


async def read_scale(conn: Connection) -> ClockScale | None:
    """Return the scale in the database; None if it is not set."""
    row = await conn.fetchrow("SELECT anchor_real, anchor_city, factor, fast_until FROM cities.clock")
    return ClockScale(**dict(row)) if row else None


async def read_kind(conn: Connection) -> ClockKind | None:
    """Return the clock that the installation was started with; None if that was not recorded."""
    kind: ClockKind | None = await conn.fetchval("SELECT kind FROM cities.clock")
    return kind


async def set_scale(conn: Connection, *, city_time: datetime, factor: float, fast_until: datetime) -> ClockScale:
    """Set the city time to ``city_time``, to run ``factor`` times as fast up to ``fast_until``.

    Raises ClockSetBack if the present city time is later. Locks the table.
    """
    async with conn.transaction():
        await conn.execute("LOCK TABLE cities.clock IN SHARE ROW EXCLUSIVE MODE")
        current, real = await read_scale(conn), real_now()
        if current and current.city_time(real) > city_time:
            raise ClockSetBack(city_time, current.city_time(real))
        scale = ClockScale(
            anchor_real=real, anchor_city=city_time, factor=factor, fast_until=max(fast_until, city_time)
        )
        await conn.execute(UPSERT_SCALE, scale.anchor_real, scale.anchor_city, scale.factor, scale.fast_until)
    return scale


async def extend_fast_until(conn: Connection, *, until: datetime) -> ClockScale:
    """Extend the fast part of the scale up to ``until``; an earlier end than the present one changes nothing.

    Processes that have not polled yet may lag, but never run ahead. Raises ClockNotSet. Locks the table.
    """
    async with conn.transaction():
        await conn.execute("LOCK TABLE cities.clock IN SHARE ROW EXCLUSIVE MODE")
        current = await read_scale(conn)
        if current is None:
            raise ClockNotSet
        scale = current.extended_to(until, real_now())
        if scale != current:
            await conn.execute(UPSERT_SCALE, scale.anchor_real, scale.anchor_city, scale.factor, scale.fast_until)
    return scale


UPSERT_SCALE: Final = """
    INSERT INTO cities.clock (anchor_real, anchor_city, factor, fast_until)
    VALUES ($1, $2, $3, $4)
        ON CONFLICT (only_row) DO UPDATE
       SET anchor_real = EXCLUDED.anchor_real,
           anchor_city = EXCLUDED.anchor_city,
           factor = EXCLUDED.factor,
           fast_until = EXCLUDED.fast_until
"""


@asynccontextmanager
async def open_clock(source: ClockKind, pool: Pool) -> AsyncIterator[Clock]:
    """Open the clock that the settings name; a scaled one is refreshed while the context is open.

    Raises ClockMismatch where the installation was started with the other one.
    """
    async with pool.acquire() as conn:
        has_schema = await conn.fetchval("SELECT to_regclass('cities.clock') IS NOT NULL")
        kept, scale = (await read_kind(conn), await read_scale(conn)) if has_schema else (None, None)
    if kept not in {None, source}:
        raise ClockMismatch(source, "scaled" if source == "real" else "real")
    if source == "real":
        yield RealClock()
        return
    if scale is None:
        raise ClockNotSet
    clock = ScaledClock(scale)
    async with asyncio.TaskGroup() as task_group:
        poll_task = task_group.create_task(clock.poll(pool), name="clock")
        try:
            yield clock
        finally:
            poll_task.cancel()
