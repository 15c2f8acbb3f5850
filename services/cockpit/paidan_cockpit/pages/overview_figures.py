"""The figures of an overview at one time, loaded from the read model and the other services."""

from collections.abc import Hashable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from paidan_chassis.consumer.rebuild_queries import is_unfinished
from paidan_cockpit import outcome_queries
from paidan_cockpit.pages import overview_queries
from paidan_cockpit.pages.alarm_flow import AlarmFlow, alarm_flow
from paidan_cockpit.pages.city_view import CityView
from paidan_cockpit.pages.overview_counts import (
    Days,
    HourCount,
    Load,
    SourceDay,
    hourly_totals,
    is_silent,
    loads_by,
    source_days,
    sum_days,
    total_load,
)
from paidan_cockpit.pages.overview_queries import Visible
from paidan_cockpit.pages.overview_rates import Rates, load_rates
from paidan_cockpit.pages.site import Site
from paidan_cockpit.pages.stale_while_revalidate_cache import StaleWhileRevalidateCache
from paidan_cockpit.pages.system_health import ServiceHealth, probe_services
from paidan_cockpit.pages.ttl_cache import TtlCache
from paidan_cockpit.rights import Person

_WORST: Final = 8
_FIGURES_AGE_S: Final = 0.5
_LAST_AGE_S: Final = 15.0
_HEALTH_AGE_S: Final = 10.0
_PAST_AGE_S: Final = 60.0
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


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFigures:
    """What came in today, by source and by hour; of a part of a city new cases are counted, not reports."""

    counts_reports: bool
    source_days: Sequence[SourceDay]
    all_sources: SourceDay
    alarms: AlarmFlow | None
    hours: Sequence[tuple[int, tuple[int, int]]]
    """Each hour with the numbers of today and of the same weekday a week before."""
    present_hour: int
    last_times: Mapping[str, datetime]
    silent: Set[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewFigures:
    """All figures of an overview at one time."""

    total: Load
    departments: Sequence[Load]
    districts: Sequence[Load]
    streets: Sequence[Load]
    statuses: Mapping[str | None, int]
    rates: Rates
    services: Sequence[ServiceHealth]
    lanes: Sequence[tuple[str, int, int]]
    """What the consumer has read: topic, number of lanes, records; empty before the first."""
    rebuilding: bool
    day: DayFigures


class FiguresLoader:
    """Loads figures. What changes slowly is kept for some seconds, for all readers of the same rights."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._figures = TtlCache[OverviewFigures](_FIGURES_AGE_S)
        self._health = StaleWhileRevalidateCache[list[ServiceHealth]](_HEALTH_AGE_S)
        self._past = TtlCache[list[HourCount]](_PAST_AGE_S)
        self._last = TtlCache[dict[str, datetime]](_LAST_AGE_S)

    async def load(self, reader: Reader, view: CityView) -> OverviewFigures:
        """Return the figures as of a moment ago at most."""
        return await self._figures.get((reader.key, view.times.language), lambda: self._load(reader, view))

    async def _load(self, reader: Reader, view: CityView) -> OverviewFigures:
        site, visible = self._site, reader.visible
        groups = await overview_queries.count_open(site.pool, visible)
        async with site.pool.acquire() as conn:
            rebuilding = await is_unfinished(conn)
        return OverviewFigures(
            total=total_load(groups),
            departments=loads_by(groups, lambda each: each.department)[:_WORST],
            districts=loads_by(groups, lambda each: each.district),
            streets=loads_by(groups, lambda each: each.street),
            statuses={load.key: load.open for load in loads_by(groups, lambda each: each.status)},
            rates=await load_rates(site.pool, reader.person, view),
            services=await self._health.get((), lambda: probe_services(site.services), []),
            lanes=await overview_queries.read_lanes(site.pool),
            rebuilding=rebuilding,
            day=await self._load_day(reader, view),
        )

    async def _load_day(self, reader: Reader, view: CityView) -> DayFigures:
        pool, visible = self._site.pool, reader.visible
        days = Days.of(view.times.now, view.times.zone)
        count = partial(overview_queries.count_hours, pool, visible)
        today = await count(days.begin, days.now)
        before = await self._past.get(
            ("until now", reader.key, days.begin), lambda: count(days.before_begin, days.before_now)
        )
        all_day = await self._past.get(
            ("all day", reader.key, days.begin), lambda: count(days.before_begin, days.before_end)
        )
        last = await self._last.get(reader.key, lambda: self._last_times(reader, view))
        source_rows = source_days(today, before, all_day, view.city.sources)
        return DayFigures(
            counts_reports=visible.is_whole_city,
            source_days=source_rows,
            all_sources=sum_days(source_rows),
            alarms=await self._alarms(reader, view, days, today),
            hours=list(enumerate(zip(hourly_totals(today), hourly_totals(all_day), strict=True))),
            present_hour=int((days.now - days.begin).total_seconds() // 3600),
            last_times=last,
            silent=_silent_sources(last, view) if visible.is_whole_city else set(),
        )

    async def _last_times(self, reader: Reader, view: CityView) -> dict[str, datetime]:
        """Return when each source last sent something, be it an alarm that was suppressed."""
        since = view.times.now - _SILENCE_SEEN
        last = await overview_queries.last_times(self._site.pool, reader.visible, since)
        if not reader.visible.is_whole_city:
            return last
        alarms = await outcome_queries.last_suppressed(self._site.pool, view.city_id, since)
        return last | {each: max(at, last.get(each, at)) for each, at in alarms.items()}

    async def _alarms(self, reader: Reader, view: CityView, days: Days, today: list[HourCount]) -> AlarmFlow | None:
        """Return the flow of alarms; None for a part of a city: of suppressed ones only the city is known."""
        if not reader.visible.is_whole_city:
            return None
        suppressed = await outcome_queries.count_suppressed(
            self._site.pool, view.city_id, days.begin, days.begin + timedelta(hours=25)
        )
        return alarm_flow(today, suppressed, view.city)


def _silent_sources(last: dict[str, datetime], view: CityView) -> set[str]:
    return {
        source.id
        for source in view.city.sources.values()
        if is_silent(last.get(source.id), source.silent_after_min, view.times.now)
    }
