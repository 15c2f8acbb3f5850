"""The overview: what is open and late, what came in today, how well it goes, and where; kept up to date while open."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, time, timedelta
from typing import Any, Final

from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute

from paidan_cockpit.pages import overview_figures, overview_queries
from paidan_cockpit.pages.city_view import CityView, open_city
from paidan_cockpit.pages.district_map import draw_districts
from paidan_cockpit.pages.live import LiveFeed
from paidan_cockpit.pages.overview_queries import Day
from paidan_cockpit.pages.recent_values import RecentValues
from paidan_cockpit.pages.site import Site
from paidan_cockpit.pages.visibility import Scope
from paidan_cockpit.pages.visit import Visit
from paidan_cockpit.services_client import ServiceUnavailable

_AGE_S: Final = 0.5
_SOON: Final = timedelta(hours=24)


class OverviewPages:
    """``/overview`` and ``/overview/stream``."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._recent = RecentValues[dict[str, Any]](max_age_s=_AGE_S)
        self._feed = LiveFeed(lambda: overview_queries.load_position(site.pool))

    def routes(self) -> list[BaseRoute]:
        """Return these routes."""
        return [
            self._site.page("/overview", self._show, "overview"),
            self._site.page("/overview/stream", self._stream, "overview"),
        ]

    async def _show(self, visit: Visit) -> Response:
        view = await open_city(self._site, visit, visit.request.query_params.get("city") or None)
        return self._site.show(visit, "overview.html", await self._values(visit, view))

    async def _stream(self, visit: Visit) -> Response:
        """Send the figures whenever something was committed; those who may see the same share one computation."""
        view = await open_city(self._site, visit, visit.request.query_params.get("city") or None)
        key = (view.city_id, visit.language, visit.person.scopes)

        async def render() -> str:
            fresh = await open_city(self._site, visit, view.city_id)
            return self._site.renderer.render(visit, "overview_figures.html", await self._values(visit, fresh))

        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(
            _events(self._feed.follow(key, render)), headers=headers, media_type="text/event-stream"
        )

    async def _values(self, visit: Visit, view: CityView) -> dict[str, Any]:
        """Return the figures as of a moment ago at most."""
        key = (view.city_id, visit.language, visit.person.scopes)
        return await self._recent.get(key, lambda: self._compute(visit, view))

    async def _compute(self, visit: Visit, view: CityView) -> dict[str, Any]:
        pool, now = self._site.pool, view.times.now
        scope = Scope(view.city_id, visit.person.grants, now)
        day = _day(view, now)
        groups, reports, closed, rates = await asyncio.gather(
            overview_queries.load_open_groups(pool, scope, now + _SOON),
            overview_queries.load_reports(pool, view.city_id, day),
            overview_queries.count_closed(pool, scope, day.begin),
            self._rates(visit, view, day),
        )
        return {
            "names": view.names,
            "times": view.times,
            "cities": view.cities,
            "city_id": view.city_id,
            "totals": overview_figures.totals(groups),
            "closed": closed,
            "reports": reports,
            "rates": rates,
            "worst": overview_figures.worst_departments(groups),
            "districts": overview_figures.by_district(groups),
            "map": draw_districts(view.city),
        }

    async def _rates(self, visit: Visit, view: CityView, day: Day) -> list[Mapping[str, Any]]:
        """Return the city's rates of the month, each with its receipt; none while scoring does not answer."""
        period = day.now.astimezone(view.city.zone).strftime("%Y-%m")
        query = {"city": view.city_id, "period": period, "by": "city"}
        try:
            answer = await self._site.services.get("scoring", "/v1/scores", visit.person, query)
        except ServiceUnavailable:
            return []
        total = answer.body.get("total") if answer.ok and isinstance(answer.body, dict) else None
        names = {rate.id: view.names.of(rate.names) for rate in view.city.indicators.rates}
        found = total["rates"].items() if total else ()
        return [{"name": names.get(id_, id_), "period": period, **rate} for id_, rate in found]


def _day(view: CityView, now: datetime) -> Day:
    begin = datetime.combine(now.astimezone(view.city.zone).date(), time(), view.city.zone)
    week = timedelta(days=7)
    return Day(begin, begin - week, now - week, now)


async def _events(pages: AsyncIterator[str]) -> AsyncIterator[bytes]:
    """Yield pages as server-sent events; an empty one is a comment that keeps the connection open."""
    yield b"retry: 2000\n\n"
    async for page in pages:
        lines = "".join(f"data: {line}\n" for line in page.splitlines())
        yield f"event: figures\n{lines}\n".encode() if page else b": alive\n\n"
