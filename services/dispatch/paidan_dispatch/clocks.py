"""How limits are counted out: by the clock for urgent units, through the city's working hours for the others."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from paidan_contracts.city.calendar import WorkingCalendar
from paidan_contracts.city.part import Limit


@dataclass(frozen=True, slots=True, eq=False)
class Clock:
    """A city's working time, indexed by shift."""

    @classmethod
    def of(cls, calendar: WorkingCalendar) -> Self:
        """Index a calendar once; each deadline is then two binary searches."""
        raise NotImplementedError

    def deadline(self, start: datetime, limit: Limit) -> datetime:
        """Say when a limit that begins at an aware time ends; in UTC. What is done at that very moment is in time.

        Raises ``CalendarEnded`` where working time is needed that the table does not have; it never guesses.
        """
        raise NotImplementedError
