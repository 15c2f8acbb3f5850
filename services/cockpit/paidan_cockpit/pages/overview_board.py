"""Everything that one overview shows at a time, gathered from the read model and the other services."""

import time
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from paidan_cockpit.pages import overview_queries
from paidan_cockpit.pages.city_view import CityView
from paidan_cockpit.pages.overview_counts import (
    Days,
    HourCount,
    hourly_totals,
    is_silent,
    loads_by,
    source_days,
    sum_days,
    total_load,
)
from paidan_cockpit.pages.overview_queries import Visible
from paidan_cockpit.pages.overview_services import load_health, load_rates
from paidan_cockpit.pages.site import Site
from paidan_cockpit.rebuild_queries import is_rebuilding
from paidan_cockpit.rights import Person
from paidan_contracts.city import City

T = TypeVar("T")

_WORST: Final = 8
_ALARM_CHANNELS: Final = frozenset({"camera", "sensor"})
_SERVICES_AFTER_S: Final = 5.0
_PAST_AFTER_S: Final = 60.0
_MAX_CACHED: Final = 1000
_SILENCE_SEEN: Final = timedelta(days=8)


@dataclass(frozen=True, slots=True)
class Reader:
    """What decides what an overview shows, beside its language: whose rights, which city, which part of it."""

    person: Person
    visible: Visible

    @property
    def key(self) -> Hashable:
        """Equal for readers who see the same."""
        return self.person.city, self.person.scopes, self.visible.scope.city, self.visible.filter


class Boards:
    """Gathers boards. What changes slowly is kept for some seconds, for all readers of the same rights."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._kept: dict[Hashable, tuple[float, Any]] = {}

    async def load(self, reader: Reader, view: CityView) -> dict[str, Any]:
        """Return the values of the overview's template."""
        site, visible = self._site, reader.visible
        pool, key = site.pool, reader.key
        groups = await overview_queries.count_open(pool, visible)
        async with pool.acquire() as conn:
            rebuilding = await is_rebuilding(conn)
        rates = await self.keep(
            ("rates", key), _SERVICES_AFTER_S, lambda: load_rates(site.services, reader.person, view)
        )
        health = await self.keep(("health",), _SERVICES_AFTER_S, lambda: load_health(site.services, reader.person))
        return {
            "total": total_load(groups),
            "departments": loads_by(groups, lambda each: each.department)[:_WORST],
            "districts": loads_by(groups, lambda each: each.district),
            "streets": loads_by(groups, lambda each: each.street),
            "statuses": {load.key: load.open for load in loads_by(groups, lambda each: each.status)},
            "rates": rates,
            "services": health,
            "lanes": await overview_queries.read_lanes(pool),
            "rebuilding": rebuilding,
            **await self._day(reader, view),
        }

    async def _day(self, reader: Reader, view: CityView) -> dict[str, Any]:
        pool, visible = self._site.pool, reader.visible
        days = Days.of(view.times.now, view.times.zone)
        today = await overview_queries.count_hours(pool, visible, days.begin, days.now)
        before = await self.keep(
            ("before", reader.key, days.begin),
            _PAST_AFTER_S,
            lambda: overview_queries.count_hours(pool, visible, days.before_begin, days.before_now),
        )
        all_day = await self.keep(
            ("all_day", reader.key, days.begin),
            _PAST_AFTER_S,
            lambda: overview_queries.count_hours(pool, visible, days.before_begin, days.before_end),
        )
        last = await self.keep(
            ("last", reader.key),
            _SERVICES_AFTER_S,
            lambda: overview_queries.last_reports(pool, visible, days.now - _SILENCE_SEEN),
        )
        rows = source_days(today, before, all_day, view.city.sources)
        return {
            "source_days": rows,
            "all_sources": sum_days(rows),
            "alarms": _alarm_cases(today, view.city),
            "hours": list(enumerate(zip(hourly_totals(today), hourly_totals(all_day), strict=True))),
            "present_hour": int((days.now - days.begin).total_seconds() // 3600),
            "last_reports": last,
            "silent": _silent_sources(last, view),
        }

    async def keep(self, key: Hashable, seconds: float, load: Callable[[], Awaitable[T]]) -> T:
        """Return what was loaded under a key within so many seconds, or load it."""
        kept = self._kept.get(key)
        if kept is None or kept[0] < time.monotonic():
            if len(self._kept) >= _MAX_CACHED:
                self._kept.clear()
            kept = self._kept[key] = time.monotonic() + seconds, await load()
        value: T = kept[1]
        return value


def _alarm_cases(today: list[HourCount], city: City) -> int:
    machines = {source.id for source in city.sources.values() if source.kind in _ALARM_CHANNELS}
    return sum(count.cases for count in today if count.source in machines)


def _silent_sources(last: dict[str, datetime], view: CityView) -> set[str]:
    return {
        source.id
        for source in view.city.sources.values()
        if is_silent(last.get(source.id), source.silent_after_min, view.times.now)
    }
