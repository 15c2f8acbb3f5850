"""A city's pack in sentences and on a map, in force or as it was published before, and how versions differ."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Final

from starlette.responses import Response
from starlette.routing import BaseRoute

from paidan_chassis.city_packs import PublishedVersion
from paidan_cockpit.pages import map_layers
from paidan_cockpit.pages.calendar_months import Month, months_of, weekday_names
from paidan_cockpit.pages.city_outlines import CityDrawing, draw_city
from paidan_cockpit.pages.city_view import CityView, open_city
from paidan_cockpit.pages.names import CityNames
from paidan_cockpit.pages.pack_differences import ChangedPart, PackDifferences
from paidan_cockpit.pages.pack_formatter import PackFormatter
from paidan_cockpit.pages.pack_terms import PackTerms, Term
from paidan_cockpit.pages.renderer import PageValues
from paidan_cockpit.pages.request_context import PageRefused, RequestContext
from paidan_cockpit.pages.site import Site
from paidan_cockpit.pages.times import CityTimes
from paidan_cockpit.translations import translations
from paidan_contracts.city import City
from paidan_contracts.city.catalogue import CatalogueRow
from paidan_contracts.city.indicators import Count
from paidan_contracts.city.posts import DUTIES, Duty, PostDuty

_VERSION: Final = re.compile(r"[0-9a-f]{64}")
_MAX_DIFFERENCES: Final = 500
_MAX_SEARCH_LENGTH: Final = 100


@dataclass(frozen=True, slots=True)
class _Opened:
    """The version of a city that a page is about."""

    view: CityView
    city: City
    names: CityNames


@dataclass(frozen=True, slots=True, kw_only=True)
class CityPage(PageValues):
    """A version of a city's pack; ``differences`` are from the ``other`` version, if one was asked for."""

    template: ClassVar[str] = "city.html"

    city: City
    in_force: bool
    cities: Mapping[str, str]
    names: CityNames
    times: CityTimes
    today: date
    formatter: PackFormatter
    terms: Sequence[Term]
    duties: Mapping[PostDuty, Duty]
    months: Sequence[Month]
    weekdays: Sequence[str]
    counts: Mapping[str, Count]
    searched: str
    rows: Sequence[CatalogueRow]
    drawing: CityDrawing | None
    map_tiles: str
    versions: Sequence[PublishedVersion]
    other: City | None
    differences: Sequence[ChangedPart]


class CityPages:
    """``/city``, and what its map draws."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[BaseRoute]:
        """Return these routes."""
        return [
            self._site.page("/city", self._show, "city"),
            self._site.page("/city/borders.json", self._borders, "city"),
            self._site.page("/city/grid.json", self._grid, "city"),
        ]

    async def _show(self, context: RequestContext) -> Response:
        opened = await self._open(context)
        query = context.request.query_params
        city, names, view = opened.city, opened.names, opened.view
        translate = translations(context.language).gettext
        formatter = PackFormatter(names, translate)
        other = await self._version(view.city, query.get("from", ""))
        comparison = PackDifferences(other, city, names, formatter, translate) if other else None
        # Packs of a large city take long to compare, and others' pages wait for nothing.
        differences = await asyncio.to_thread(comparison.parts, _MAX_DIFFERENCES) if comparison else []
        today = view.times.now.astimezone(city.zone).date()
        searched = query.get("words", "")[:_MAX_SEARCH_LENGTH].strip()
        page = CityPage(
            city=city,
            in_force=city.version == view.city.version,
            cities=view.cities,
            names=names,
            times=view.times,
            today=today,
            formatter=formatter,
            terms=PackTerms(city, names, formatter, translate).all(),
            duties=DUTIES,
            months=months_of(city.pack.calendar, context.language, today),
            weekdays=weekday_names(context.language),
            counts={count.id: count for count in city.pack.indicators.counts},
            searched=searched,
            rows=[row for row in city.pack.catalogue.rows if matches(row, searched, names)],
            drawing=draw_city(city),
            map_tiles=self._site.map_tiles or "",
            versions=await self._site.packs.versions(city.id),
            other=other,
            differences=differences,
        )
        return self._site.show_with_map(context, page)

    async def _borders(self, context: RequestContext) -> Response:
        opened = await self._open(context)
        return Response(map_layers.borders(opened.city, opened.names), media_type="application/geo+json")

    async def _grid(self, context: RequestContext) -> Response:
        opened = await self._open(context)
        return Response(map_layers.grid(opened.city), media_type="application/json")

    async def _open(self, context: RequestContext) -> _Opened:
        query = context.request.query_params
        view = await open_city(self._site, context, query.get("city") or None)
        city = await self._version(view.city, query.get("version", "")) or view.city
        return _Opened(view, city, CityNames(city, context.language))

    async def _version(self, current: City, version: str) -> City | None:
        """Return a version of this very city; None where none was asked for."""
        if not version:
            return None
        city = await self._site.packs.find(version) if _VERSION.fullmatch(version) else None
        if city is None or city.id != current.id:
            raise PageRefused(404)
        return city


def matches(row: CatalogueRow, searched: str, names: CityNames) -> bool:
    """Return whether each word that was searched for stands in a row of the catalogue, in either language."""
    case_class = names.city.classes.get(row.class_code) if names.city else None
    class_names = (case_class.names, case_class.big) if case_class else ()
    texts = [text for each in (row.filing, row.closing, *class_names) for text in (each.zh, each.en)]
    content = " ".join([row.id, *texts]).casefold()
    return all(word in content for word in searched.casefold().split())
