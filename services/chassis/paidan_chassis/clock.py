"""The city's time: real in production, scaled for a demonstration. Decision modules never read it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final, Literal, Protocol

from paidan_chassis.database import DB_ERRORS, Connection, Pool
from paidan_chassis.errors import ChassisError

POLL_INTERVAL_S: Final = 1.0


class Clock(Protocol):
    """Tells the city's time."""

    def now(self) -> datetime:
        """Read the city's time in UTC. Costs about a microsecond, never goes back within a process."""
        ...

    def city_time(self, real: datetime) -> datetime:
        """Tell what time it was in the city at a real moment not long ago, such as a broker's append time.

        By the scale of today: a moment before the clock was last set becomes the time that it was set to.
        """
        ...

    async def sleep_until(self, moment: datetime) -> None:
        """Return as soon as the city's time has reached this moment; at once if it is past."""
        ...


class ClockNotSet(ChassisError):
    """The scaled clock was asked for, but nobody has set it."""

    def __init__(self) -> None:
        super().__init__("the scaled clock is asked for, but cities.clock has no row: set it before services start")


class ClockSetBack(ChassisError):
    """The scaled clock can only be set forward: what has been lived stays lived."""

    def __init__(self, requested: datetime, current: datetime) -> None:
        super().__init__(f"the city's time is {current.isoformat()} already, it cannot become {requested.isoformat()}")
        self.requested = requested
        self.current = current


@dataclass(frozen=True, slots=True)
class ClockScale:
    """A line through real and city time: fast up to ``fast_until``, at real speed from there on.

    Without that end a machine switched off for a night would wake up a year later.
    """

    anchor_real: datetime
    anchor_city: datetime
    factor: float
    fast_until: datetime

    def city_time(self, real: datetime) -> datetime:
        """Tell what time it is in the city when it is ``real`` outside. Before the anchor it stands still."""
        elapsed, fast_duration = max(real - self.anchor_real, timedelta()), self._fast_duration()
        if elapsed < fast_duration:
            return self.anchor_city + elapsed * self.factor
        # Not by the stretch's length times the factor: a length is rounded to a microsecond, and a factor of 86,400
        # makes 43 ms of half of one. The database draws its line without rounding.
        return self.fast_until + (elapsed - fast_duration)

    def real_wait(self, moment: datetime, real: datetime) -> timedelta:
        """Tell how long to wait outside until the city's time is ``moment``."""
        city_now = self.city_time(real)
        fast = min(moment, self.fast_until) - city_now
        slow = moment - max(city_now, self.fast_until)
        return max(fast, timedelta()) / self.factor + max(slow, timedelta())

    def extended_to(self, until: datetime, real: datetime) -> "ClockScale":
        """Give the scale that is fast for longer. What has been by ``real`` stays as it was, slow times included."""
        city_now = self.city_time(real)
        if until <= max(self.fast_until, city_now):
            return self
        if real - self.anchor_real < self._fast_duration():
            return replace(self, fast_until=until)
        return replace(self, anchor_real=real, anchor_city=city_now, fast_until=until)

    def _fast_duration(self) -> timedelta:
        return (self.fast_until - self.anchor_city) / self.factor


class RealClock:
    """Real time, kept from going back when the machine's clock is corrected."""

    def __init__(self) -> None:
        self._latest = 0.0

    def now(self) -> datetime:
        """Read real time in UTC."""
        self._latest = max(self._latest, time.time())
        return datetime.fromtimestamp(self._latest, UTC)

    def city_time(self, real: datetime) -> datetime:
        """Give the real moment itself."""
        return real

    async def sleep_until(self, moment: datetime) -> None:
        """Return as soon as this moment is reached."""
        while (remaining_s := (moment - self.now()).total_seconds()) > 0:  # noqa: ASYNC110 - nothing announces that time passes
            await asyncio.sleep(min(remaining_s, 60.0))  # the machine may be suspended, its clock corrected


class ScaledClock:
    """City time by the row of cities.clock, read from memory; ``follow`` keeps it fresh."""

    def __init__(self, scale: ClockScale) -> None:
        self._scale = scale
        self._latest = datetime.min.replace(tzinfo=UTC)

    def now(self) -> datetime:
        """Read the city's time in UTC."""
        self._latest = max(self._latest, self._scale.city_time(real_now()))
        return self._latest

    def city_time(self, real: datetime) -> datetime:
        """Tell what time it was in the city at this real moment, by the scale that holds now."""
        return self._scale.city_time(real)

    async def sleep_until(self, moment: datetime) -> None:
        """Return as soon as the city's time has reached this moment, even when the scale changes meanwhile."""
        while self.now() < moment:
            remaining_s = self._scale.real_wait(moment, real_now()).total_seconds()
            await asyncio.sleep(min(max(remaining_s, 0.001), POLL_INTERVAL_S))

    @property
    def scale(self) -> ClockScale:
        """Tell by what it goes."""
        return self._scale

    def apply(self, scale: ClockScale) -> None:
        """Go by this scale from now on, without waiting for the row to be read again."""
        self._scale = scale

    async def poll(self, pool: Pool) -> None:
        """Read the row again every so often, for ever. While the database is away the last scale holds."""
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
    """Read the scaled clock's row; None while nobody has set it."""
    row = await conn.fetchrow("SELECT anchor_real, anchor_city, factor, fast_until FROM cities.clock")
    return ClockScale(**dict(row)) if row else None


async def set_scale(conn: Connection, *, city_time: datetime, factor: float, fast_until: datetime) -> ClockScale:
    """Let the city's time be ``starts`` now and run ``factor`` times as fast up to ``fast_until``.

    Raises ClockSetBack when that would turn the present time back. Locks the row.
    """
    async with conn.transaction():
        await conn.execute("LOCK TABLE cities.clock IN SHARE ROW EXCLUSIVE MODE")
        current, real = await read_scale(conn), real_now()
        if current and current.city_time(real) > city_time:
            raise ClockSetBack(city_time, current.city_time(real))
        scale = ClockScale(
            anchor_real=real, anchor_city=city_time, factor=factor, fast_until=max(fast_until, city_time)
        )
        await _save_scale(conn, scale)
    return scale


async def extend_fast_until(conn: Connection, *, until: datetime) -> ClockScale:
    """Let the city's time run fast for longer, up to ``until``; an earlier end than it has changes nothing.

    Whoever has not heard of it yet reads a time that is right or too early, never one that will be taken back.
    Raises ClockNotSet. Locks the row.
    """
    async with conn.transaction():
        await conn.execute("LOCK TABLE cities.clock IN SHARE ROW EXCLUSIVE MODE")
        current = await read_scale(conn)
        if current is None:
            raise ClockNotSet
        scale = current.extended_to(until, real_now())
        if scale != current:
            await _save_scale(conn, scale)
    return scale


async def _save_scale(conn: Connection, scale: ClockScale) -> None:
    await conn.execute(UPSERT_SCALE, scale.anchor_real, scale.anchor_city, scale.factor, scale.fast_until)


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
async def open_clock(source: Literal["real", "scaled"], pool: Pool) -> AsyncIterator[Clock]:
    """Give the clock that the settings ask for, kept fresh while the context is open."""
    if source == "real":
        yield RealClock()
        return
    async with pool.acquire() as conn:
        scale = await read_scale(conn)
    if scale is None:
        raise ClockNotSet
    clock = ScaledClock(scale)
    async with asyncio.TaskGroup() as task_group:
        poll_task = task_group.create_task(clock.poll(pool), name="clock")
        try:
            yield clock
        finally:
            poll_task.cancel()
