"""Which reports are about the same thing: the rule, and the squares in which candidates are looked for."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from paidan_contracts.reports import ReportReceived
from paidan_contracts.state import CaseState
from paidan_contracts.wire import Channel

from .bylaws import Bylaws


@dataclass(frozen=True, slots=True)
class Seen:
    """What matching knows of a case that has a class and a position: a row of the search table, one for each case.

    ``square`` is one integer (64 bits, signed) to be searched by; it tells area, class and the import's own world
    apart already, and what it does not tell apart the rule does.
    """

    case_id: str
    square: int
    area: str
    class_code: str
    matched_within: str | None
    past: bool
    channel: Channel
    latitude: float
    longitude: float
    reported_at: datetime
    closed_at: datetime | None
    recurs_until: datetime | None
    """None while the case is open; afterwards, until when a report here counts as a recurrence."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The case is no longer to be found by matching: voided or not accepted."""

    case_id: str


Sighting: TypeAlias = Seen | Forgotten


class Nearby:
    """The cases that matching may see, by square. Filled from the database once a batch, then kept up."""

    def __init__(self, seen: Iterable[Seen] = ()) -> None:
        raise NotImplementedError

    def note(self, sighting: Sighting) -> None:
        """Take up what a step changed, so that batch boundaries never change what is opened."""
        raise NotImplementedError

    def within(self, squares: Iterable[int]) -> list[Seen]:
        """List the cases in these squares, in no order."""
        raise NotImplementedError


def squares_around(report: ReportReceived, bylaws: Bylaws) -> tuple[int, ...]:
    """Name the squares that hold every case the report might match; none when it is never matched.

    Search ``square = ANY(...)``; of closed cases those suffice whose ``recurs_until`` is not before ``recorded_at``.
    """
    raise NotImplementedError


def sighting(before: CaseState | None, after: CaseState, bylaws: Bylaws) -> Sighting | None:
    """Say what must change in the search table (upsert or delete) after a step; None: nothing."""
    raise NotImplementedError
