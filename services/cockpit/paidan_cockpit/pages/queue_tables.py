"""Queues as tables to take along, in words and codes: CSV for programs, a workbook for people."""

import asyncio
from dataclasses import replace
from typing import Final

from starlette.responses import Response
from starlette.routing import BaseRoute

from paidan_chassis.edge.xlsx_table import MEDIA_TYPE, Sheet, xlsx_table
from paidan_cockpit.pages import queries
from paidan_cockpit.pages.case_table import COLUMNS, cell_text, table_rows
from paidan_cockpit.pages.city_view import CityView, open_city
from paidan_cockpit.pages.csv_table import csv_table
from paidan_cockpit.pages.downloads import download
from paidan_cockpit.pages.emergencies import EmergencyNotices
from paidan_cockpit.pages.filter_description import describe_filter
from paidan_cockpit.pages.labels import Translate, label
from paidan_cockpit.pages.queries import CaseListPage
from paidan_cockpit.pages.queue_filter import QueueFilter
from paidan_cockpit.pages.request_context import RequestContext
from paidan_cockpit.pages.search_terms import search_terms
from paidan_cockpit.pages.site import Site
from paidan_cockpit.pages.visibility import Scope, grid_places
from paidan_cockpit.translations import translations

MAX_ROWS: Final = 10_000
_AT_ONCE: Final = 2


class QueueTables:
    """``/queues.csv`` and ``/queues.xlsx``."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._emergencies = EmergencyNotices(site)
        # Each holds its rows in memory until it is stored.
        self._turn = asyncio.Semaphore(_AT_ONCE)

    def routes(self) -> list[BaseRoute]:
        """Return these routes."""
        return [
            self._site.page("/queues.csv", self._csv, "queues"),
            self._site.page("/queues.xlsx", self._xlsx, "queues"),
        ]

    async def _csv(self, context: RequestContext) -> Response:
        async with self._turn:
            queue_filter, view, page = await self._load(context)
            content = await asyncio.to_thread(csv_content, page, view, translations(context.language).gettext)
        headers = {"content-disposition": _attachment(queue_filter, view, page, "csv")}
        return await download(content, headers, "text/csv; charset=utf-8")

    async def _xlsx(self, context: RequestContext) -> Response:
        translate = translations(context.language).gettext
        async with self._turn:
            queue_filter, view, page = await self._load(context)
            content = await asyncio.to_thread(xlsx_content, page, view, queue_filter, translate)
        headers = {"content-disposition": _attachment(queue_filter, view, page, "xlsx")}
        return await download(content, headers, MEDIA_TYPE)

    async def _load(self, context: RequestContext) -> tuple[QueueFilter, CityView, CaseListPage]:
        queue_filter = replace(QueueFilter.parse(context.request.query_params), after=None)
        view = await open_city(self._site, context, queue_filter.city)
        scope = Scope(
            view.city_id, context.person.grants, view.times.now, grid_places(view.city, queue_filter.work_grid)
        )
        terms = search_terms(view.city, queue_filter.words, with_departments=context.person.department is None)
        precedences = await self._emergencies.precedences(context.person, view.city)
        page = await queries.list_cases(self._site.pool, scope, queue_filter, MAX_ROWS, terms, precedences)
        return queue_filter, view, page


def csv_content(page: CaseListPage, view: CityView, translate: Translate) -> bytes:
    """Return a list as CSV, marked as UTF-8 for spreadsheet programs; its times are as programs read them."""
    titles = [label(translate, "column", name) for name in COLUMNS]
    rows = ([cell_text(cell, view.times) for cell in row] for row in table_rows(page.cases, view, translate))
    return ("\ufeff" + csv_table(titles, rows)).encode()


def xlsx_content(page: CaseListPage, view: CityView, queue_filter: QueueFilter, translate: Translate) -> bytes:
    """Return a list as a workbook, with a second sheet that says what it is of, as of when, and whether it was cut."""
    titles = [label(translate, "column", name) for name in COLUMNS]
    about: list[tuple[str, str | int]] = [
        (label(translate, "about_table", "city"), view.names.city_name()),
        (label(translate, "about_table", "filter"), describe_filter(queue_filter, view.names, translate)),
        (label(translate, "about_table", "as_of"), view.times.exact(view.times.now)),
        (label(translate, "about_table", "cases"), len(page.cases)),
        (label(translate, "about_table", "whole"), label(translate, "is_whole", "no" if page.after else "yes")),
    ]
    sheets = [
        Sheet(label(translate, "page", "queues"), titles, table_rows(page.cases, view, translate)),
        Sheet(label(translate, "about_table", "sheet"), [label(translate, "about_table", "sheet"), ""], about),
    ]
    return xlsx_table(sheets, view.times.zone)


def _attachment(queue_filter: QueueFilter, view: CityView, page: CaseListPage, ending: str) -> str:
    cut = f"-first-{MAX_ROWS}" if page.after else ""
    day = view.times.exact(view.times.now).replace(":", "").replace(" ", "-")
    return f'attachment; filename="{view.city_id}-{queue_filter.queue}-{day}{cut}.{ending}"'
