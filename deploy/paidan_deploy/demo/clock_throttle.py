"""Keeps the city's clock from running away from its people: on a slow machine it waits for them."""

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import asyncpg

from paidan_chassis.clock import ScaledClock, let_run
from paidan_chassis.database import FAULTS, is_transient

from .arrivals import LAST_S
from .monitor import Seen
from .scheduler import Agenda
from .sources import Reporters

# Longer than a service takes to notice that the clock may run on, so that nobody waits on a machine that keeps up.
LEAD_S: Final = 4.0
# A report that is undecided for so long is no matter of speed: `paidan verify` tells what became of it.
PATIENCE_S: Final = 20.0
_DAY: Final = timedelta(days=1)
_LAST_SENT_BY: Final = timedelta(seconds=LAST_S + 60)


def lead(factor: float) -> timedelta:
    """Tell how far the clock may be ahead, in the city's time."""
    return timedelta(seconds=LEAD_S * factor)


def may_run_to(now: datetime, undone: Iterable[datetime], *, factor: float, at_most: datetime) -> datetime:
    """Tell how far the clock may run: a lead ahead of the oldest thing that was due and is not done."""
    return min(min([now, *undone]) + lead(factor), at_most)


@dataclass(slots=True)
class Leash:
    """Lets the clock run while its people keep up. Beyond what is allowed it goes at real speed: it all but stands.

    So a service that hears late of a longer leash finds its clock standing, and never too far ahead.
    """

    dsn: str
    midnight: datetime
    clock: ScaledClock
    agenda: Agenda
    reporters: Reporters
    seen: Seen
    planned: int
    waited_s: float = 0.0
    _looked_s: float = field(default_factory=time.monotonic)
    _connection: "asyncpg.Connection[Any] | None" = None

    @property
    def waits(self) -> bool:
        """Say whether the clock waits now."""
        end = self.clock.scale.fast_until
        return self.clock.now() >= end and end < self.midnight + _DAY

    async def lengthen(self) -> None:
        """Let the clock run as far as it may. To be asked again several times within a lead."""
        self._count_waiting()
        self._forget_decided()
        scale, at_most = self.clock.scale, self._at_most()
        until = may_run_to(self.clock.now(), self._undone(), factor=scale.factor, at_most=at_most)
        # A step is worth telling when it is long, and when it is the last one for now, however short.
        if until - scale.fast_until > lead(scale.factor) / 10 or scale.fast_until < until == at_most:
            try:
                await self._tell(until)
            except FAULTS as error:
                # Without PostgreSQL nobody can be told, so the clock waits for it, too. It would wait for ever for
                # a session that broke off within a transaction, and for what no waiting mends.
                await self.close()
                if not is_transient(error):
                    raise

    async def close(self) -> None:
        """Close its connection."""
        if self._connection is not None:
            with suppress(*FAULTS):
                await self._connection.close(timeout=5)

    def _undone(self) -> list[datetime]:
        oldest = self.agenda.oldest_undone
        return [taken.due for taken in self.reporters.undecided.values()] + ([oldest] if oldest else [])

    def _at_most(self) -> datetime:
        all_in = self.reporters.sent == self.planned and not self.reporters.undecided
        return self.midnight + (_DAY if all_in else _LAST_SENT_BY)

    def _forget_decided(self) -> None:
        given_up_s = time.monotonic() - PATIENCE_S
        for report_id, taken in [*self.reporters.undecided.items()]:
            if report_id in self.seen.decided or taken.taken_s < given_up_s:
                del self.reporters.undecided[report_id]

    async def _tell(self, until: datetime) -> None:
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(self.dsn, timeout=5, command_timeout=5)
        self.clock.obey(await let_run(self._connection, until=until))
        self.agenda.wake()

    def _count_waiting(self) -> None:
        looked_s, self._looked_s = self._looked_s, time.monotonic()
        if self.waits:
            self.waited_s += self._looked_s - looked_s
