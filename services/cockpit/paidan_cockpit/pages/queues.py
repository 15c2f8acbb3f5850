"""Queues: which cases wait for what, to be filtered, searched, sorted and paged through."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from starlette.responses import Response
from starlette.routing import BaseRoute

from paidan_cockpit import saved_views
from paidan_cockpit.pages import queries
from paidan_cockpit.pages.bulk_forms import MAX_CASES
from paidan_cockpit.pages.city_view import CityView, open_city
from paidan_cockpit.pages.filter_words import filter_in_words
from paidan_cockpit.pages.first_queues import first_queue, queue_order
from paidan_cockpit.pages.letter_counts import LetterCounts
from paidan_cockpit.pages.name_search import FoundName, find_names
from paidan_cockpit.pages.queries import QueueCounts
from paidan_cockpit.pages.queue_filter import HOURS, ORDERS, STATUSES, Queue, QueueFilter
from paidan_cockpit.pages.queue_tables import MAX_ROWS
from paidan_cockpit.pages.site import Site
from paidan_cockpit.pages.ttl_cache import TtlCache
from paidan_cockpit.pages.visibility import Scope, grid_places
from paidan_cockpit.pages.visit import Visit
from paidan_cockpit.saved_views import MAX_NAME
from paidan_cockpit.translations import translations

_COUNTS_AGE_S: Final = 2.0
_PAGE_SIZE: Final = MAX_CASES
_NOTICES: Final = frozenset({"saved", "none-chosen"})


class QueuePages:
    """``/queues``."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._letters = LetterCounts(site)
        self._counts = TtlCache[QueueCounts](ttl_s=_COUNTS_AGE_S)

    def routes(self) -> list[BaseRoute]:
        """Return these routes."""
        return [self._site.page("/queues", self._list, "queues")]

    async def _list(self, visit: Visit) -> Response:
        query = visit.request.query_params
        queue_filter = QueueFilter.parse(query)
        view = await open_city(self._site, visit, queue_filter.city)
        scope = Scope(view.city_id, visit.person.grants, view.times.now, grid_places(view.city, queue_filter.work_grid))
        counts = await self._count(visit, scope, queue_filter)
        order = queue_order(visit.person, view.city)
        if query.get("queue") not in order:
            queue_filter = replace(queue_filter, queue=first_queue(order, counts))
        page = await queries.list_cases(self._site.pool, scope, queue_filter, _PAGE_SIZE)
        notice = query.get("done", "")
        values = self._filter_values(visit, view, queue_filter, order)
        values |= {
            "page": page,
            "counts": counts,
            "letters": await self._letters.load(visit),
            "max_rows": MAX_ROWS if page.after and _may_exceed(queue_filter.queue, counts) else None,
            "own_department": scope.department,
            "may_act": scope.department is not None or scope.grants.has_role("operator", "inspector", "caller"),
            "views": await saved_views.list_views(self._site.pool, visit.person),
            "notice": notice if notice in _NOTICES else "",
        }
        return self._site.show(visit, "queues.html", values)

    async def _count(self, visit: Visit, scope: Scope, queue_filter: QueueFilter) -> dict[str, int]:
        """Return how many cases are in each queue, by its name."""
        counts = await self._counts.get(
            (scope.city, visit.person.scopes, queue_filter.within),
            lambda: queries.count_queues(self._site.pool, scope, queue_filter),
        )
        return {name.replace("_", "-"): number for name, number in counts._asdict().items()}

    def _filter_values(
        self, visit: Visit, view: CityView, queue_filter: QueueFilter, order: Sequence[Queue]
    ) -> dict[str, Any]:
        translate = translations(visit.language).gettext
        return {
            "filter": queue_filter,
            "filter_words": filter_in_words(queue_filter, view.names, translate)[:MAX_NAME],
            "present": view_query(queue_filter, view),
            "max_name": MAX_NAME,
            "names": view.names,
            "times": view.times,
            "cities": view.cities,
            "queues": order,
            "orders": ORDERS,
            "hours": HOURS,
            "statuses": STATUSES,
            "streets": view.names.streets_of(queue_filter.district),
            "found_names": _found_names(visit, view, queue_filter),
        }


def view_query(queue_filter: QueueFilter, view: CityView) -> str:
    """Return the query under which a filter is kept: of its first page, and always of this city."""
    return replace(queue_filter, city=view.city_id).query()


def _found_names(visit: Visit, view: CityView, queue_filter: QueueFilter) -> list[FoundName]:
    with_departments = visit.person.department is None
    return find_names(view.names, queue_filter.words, with_departments=with_departments)


def _may_exceed(queue: Queue, counts: dict[str, int]) -> bool:
    """Return whether a queue may have more cases than a table holds; those that are not counted have open ones."""
    return queue == "all" or counts.get(queue, counts["open"]) > MAX_ROWS
