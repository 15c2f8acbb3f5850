"""Keeps the city's clock from running ahead of its actors: on a slow machine it waits for them."""

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import asyncpg

from paidan_chassis.clock import ScaledClock, extend_fast_until
from paidan_chassis.database import DB_ERRORS, is_transient
from paidan_deploy.demo.arrivals import LAST_REPORT_S, PLAYED_S
from paidan_deploy.demo.monitor import Observed
from paidan_deploy.demo.scheduler import Scheduler
from paidan_deploy.demo.sources import DemoSources

# Longer than a service takes to notice an extension, so that a machine that keeps up never waits.
CLOCK_LEAD_S: Final = 4.0
# A report that is undecided for so long is not just late: `paidan verify` will show it.
DECISION_TIMEOUT_S: Final = 20.0
_PLAYED: Final = timedelta(seconds=PLAYED_S)
_REPORTS_END: Final = timedelta(seconds=LAST_REPORT_S + 60)


def clock_lead(factor: float) -> timedelta:
    """Return how far the clock may be ahead, in the city's time."""
    return timedelta(seconds=CLOCK_LEAD_S * factor)


def clock_limit(now: datetime, due_times: Iterable[datetime], *, factor: float, latest: datetime) -> datetime:
    """Return how far the clock may run: one lead ahead of the oldest task that is due and not done."""
    return min(min([now, *due_times]) + clock_lead(factor), latest)


@dataclass(slots=True)
class ClockThrottle:
    """Extends the clock's fast stretch while the actors keep up; beyond it the clock runs at real speed, which is slow.

    So a service that learns late of an extension is behind, never ahead.
    """

    dsn: str
    midnight: datetime
    clock: ScaledClock
    scheduler: Scheduler
    sources: DemoSources
    observed: Observed
    planned_count: int
    throttled_s: float = 0.0
    _measured_at_s: float = field(default_factory=time.monotonic)
    _connection: "asyncpg.Connection[Any] | None" = None

    @property
    def is_throttled(self) -> bool:
        """Whether the clock is waiting now."""
        end = self.clock.scale.fast_until
        return self.clock.now() >= end and end < self.midnight + _PLAYED

    async def advance(self) -> None:
        """Extend the fast stretch as far as allowed. To be called several times within a lead."""
        self._count_throttled_time()
        self._drop_decided()
        scale, latest = self.clock.scale, self._latest()
        until = clock_limit(self.clock.now(), self._due_times(), factor=scale.factor, latest=latest)
        # An extension is worth a write when it is long, or the last one for now, however short.
        if until - scale.fast_until > clock_lead(scale.factor) / 10 or scale.fast_until < until == latest:
            try:
                await self._extend_clock(until)
            except DB_ERRORS as error:
                # Services read the scale from PostgreSQL, so the clock waits for it, too: on a new session, since this
                # one may be broken within a transaction, and not for errors that do not pass.
                await self.close()
                if not is_transient(error):
                    raise

    async def close(self) -> None:
        """Close its connection."""
        if self._connection is not None:
            with suppress(*DB_ERRORS):
                await self._connection.close(timeout=5)

    def _due_times(self) -> list[datetime]:
        oldest = self.scheduler.oldest_due
        return [accepted.due for accepted in self.sources.undecided.values()] + ([oldest] if oldest else [])

    def _latest(self) -> datetime:
        all_in = self.sources.sent == self.planned_count and not self.sources.undecided
        return self.midnight + (_PLAYED if all_in else _REPORTS_END)

    def _drop_decided(self) -> None:
        cutoff_s = time.monotonic() - DECISION_TIMEOUT_S
        for report_id, accepted in [*self.sources.undecided.items()]:
            if report_id in self.observed.decided_reports or accepted.accepted_s < cutoff_s:
                del self.sources.undecided[report_id]

    async def _extend_clock(self, until: datetime) -> None:
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(self.dsn, timeout=5, command_timeout=5)
        self.clock.apply(await extend_fast_until(self._connection, until=until))
        self.scheduler.wake()

    def _count_throttled_time(self) -> None:
        previous_s, self._measured_at_s = self._measured_at_s, time.monotonic()
        if self.is_throttled:
            self.throttled_s += self._measured_at_s - previous_s
