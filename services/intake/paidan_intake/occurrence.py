"""When a report's problem was seen: what its sender stated, unless its clock was not set. Pure."""

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from paidan_intake.notes import Note, make_note

_CLOCK_SKEW: Final = timedelta(hours=1)
_FIRST_YEAR: Final = 1970
_LAST_YEAR: Final = 2200
_OLDEST: Final = timedelta(days=3653)
"""Ten years: clocks that were not set begin in 1970, 1980, 2000 or 2010, and no live report is as old as that."""


def in_zone(stated: datetime, zone: tzinfo) -> datetime:
    """Return a time as it was stated; one without a zone is the city's."""
    if stated.tzinfo is not None:
        return stated
    # Before there were time zones the database of zones has offsets with seconds, which JSON has not.
    return stated.replace(tzinfo=zone if _FIRST_YEAR <= stated.year <= _LAST_YEAR else UTC)


def occurrence_time(stated: datetime | None, zone: tzinfo, now: datetime) -> tuple[datetime | None, Note | None]:
    """Return when a problem was seen, and a note where the stated time cannot be right; None: it is not known."""
    if stated is None:
        return None, None
    moment = in_zone(stated, zone)
    if moment > now + _CLOCK_SKEW:
        return None, make_note("occurred_at_in_future", value=moment.isoformat())
    if moment < now - _OLDEST:
        return None, make_note("occurred_at_implausible", value=moment.isoformat())
    return moment, None
