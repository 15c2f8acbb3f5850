"""Queues: which cases wait for what, to be filtered, searched, sorted, paged through and taken along as a table."""

from dataclasses import replace
from typing import Any, Final

from starlette.responses import Response
from starlette.routing import BaseRoute

from paidan_cockpit.pages import queries
from paidan_cockpit.pages.city_view import CityView, open_city
from paidan_cockpit.pages.csv_table import csv_table
from paidan_cockpit.pages.queries import CaseView, QueueCounts
from paidan_cockpit.pages.queue_filter import HOURS, ORDERS, QUEUES, STATUSES, QueueFilter
from paidan_cockpit.pages.recent_values import RecentValues
from paidan_cockpit.pages.site import Site
from paidan_cockpit.pages.visibility import Scope
from paidan_cockpit.pages.visit import Visit

_COUNTS_AGE_S: Final = 2.0
_PAGE_SIZE: Final = 50
_TABLE_SIZE: Final = 10_000


class QueuePages:
    """``/queues`` and ``/queues.csv``."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._counts = RecentValues[QueueCounts](max_age_s=_COUNTS_AGE_S)

    def routes(self) -> list[BaseRoute]:
        """Return these routes."""
        return [
            self._site.page("/queues", self._list, "queues"),
            self._site.page("/queues.csv", self._table, "queues"),
        ]

    async def _list(self, visit: Visit) -> Response:
        queue_filter, view, scope = await self._read(visit)
        page = await queries.list_cases(self._site.pool, scope, queue_filter, _PAGE_SIZE)
        counts = await self._counts.get(
            (scope.city, visit.person.scopes, queue_filter.within),
            lambda: queries.count_queues(self._site.pool, scope, queue_filter),
        )
        values: dict[str, Any] = {
            "filter": queue_filter,
            "page": page,
            "counts": counts,
            "names": view.names,
            "times": view.times,
            "cities": view.cities,
            "queues": QUEUES,
            "orders": ORDERS,
            "hours": HOURS,
            "statuses": STATUSES,
            "own_department": scope.department,
        }
        return self._site.show(visit, "queues.html", values)

    async def _table(self, visit: Visit) -> Response:
        queue_filter, view, scope = await self._read(visit)
        queue_filter = replace(queue_filter, after=None)
        page = await queries.list_cases(self._site.pool, scope, queue_filter, _TABLE_SIZE)
        text = csv_table(_TITLES, (_cells(each, view) for each in page.cases))
        headers = {"content-disposition": f'attachment; filename="{view.city_id}-{queue_filter.queue}.csv"'}
        return Response("\ufeff" + text, headers=headers, media_type="text/csv; charset=utf-8")

    async def _read(self, visit: Visit) -> tuple[QueueFilter, CityView, Scope]:
        queue_filter = QueueFilter.parse(visit.request.query_params)
        view = await open_city(self._site, visit, queue_filter.city)
        return queue_filter, view, Scope(view.city_id, visit.person.grants, view.times.now)


_TITLES: Final = (
    "case_id", "number", "status", "class", "class_name", "district", "street", "address", "department",
    "department_name", "source", "reported_at", "due", "due_at", "reports", "round", "returns", "text",
)  # fmt: skip


def _cells(each: CaseView, view: CityView) -> tuple[str, ...]:
    names, times = view.names, view.times
    due = times.machine(each.due) if each.due else ""
    return (
        each.case_id, each.number, each.status, each.class_code or "", names.case_class(each.class_code),
        names.place(each.district), names.place(each.street), each.address or "", each.department or "",
        names.department(each.department), each.source, times.machine(each.reported_at), each.due_kind or "", due,
        str(each.reports), str(each.round), str(each.hops), each.text,
    )  # fmt: skip
