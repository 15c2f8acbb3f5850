"""Periods that were counted anew: the city's definitions of indicators changed after they had ended."""

from collections.abc import Iterable
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from paidan_chassis.clock import Clock, RealClock
from paidan_cockpit.city_packs import PackCache
from paidan_cockpit.pages.score_filter import end_of_period
from paidan_contracts.city import City


async def find_change_of_definitions(packs: PackCache, clock: Clock, city: City) -> datetime | None:
    """Return when the present definitions of a city's indicators replaced others; None where there were no others.

    Packs are published in real time, which by a clock that was set says nothing about periods: None then, too.
    """
    if not isinstance(clock, RealClock):
        return None
    since: datetime | None = None
    for published in await packs.definitions(city.id):
        if published.definitions != city.indicators.version:
            return since
        since = published.published_at
    return None


def restated_periods(periods: Iterable[str], changed_at: datetime | None, zone: ZoneInfo) -> frozenset[str]:
    """Return those of these periods that had ended before the definitions changed."""
    if changed_at is None:
        return frozenset()
    return frozenset(each for each in periods if _begin(end_of_period(each), zone) <= changed_at)


def _begin(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, zone)
