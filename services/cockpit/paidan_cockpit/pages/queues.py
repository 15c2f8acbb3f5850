"""Queues: which cases wait for what, to be filtered, searched, sorted and paged through."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Final, get_args

from starlette.responses import Response
from starlette.routing import BaseRoute

from paidan_cockpit import saved_views
from paidan_cockpit.case_marks import mark
from paidan_cockpit.pages import queries
from paidan_cockpit.pages.bulk_forms import MAX_CASES
from paidan_cockpit.pages.city_view import CityView, open_city
from paidan_cockpit.pages.dead_letter_totals import DeadLetterTotals
from paidan_cockpit.pages.emergencies import EmergencyNotices
from paidan_cockpit.pages.filter_description import describe_filter
from paidan_cockpit.pages.first_queues import first_queue, queue_order, reviewing_duty
from paidan_cockpit.pages.name_search import FoundName, find_names
from paidan_cockpit.pages.names import CityNames
from paidan_cockpit.pages.precedence import ListedEmergency
from paidan_cockpit.pages.queries import CaseListPage, QueueCounts
from paidan_cockpit.pages.queue_filter import HOURS, ORDERS, STATUSES, Hours, Order, Queue, QueueFilter
from paidan_cockpit.pages.queue_tables import MAX_ROWS
from paidan_cockpit.pages.renderer import PageValues
from paidan_cockpit.pages.request_context import RequestContext
from paidan_cockpit.pages.search_terms import SearchTerm, search_terms
from paidan_cockpit.pages.site import Site
from paidan_cockpit.pages.times import CityTimes
from paidan_cockpit.pages.ttl_cache import TtlCache
from paidan_cockpit.pages.visibility import Scope, grid_places
from paidan_cockpit.saved_views import MAX_NAME, SavedView
from paidan_cockpit.services_client import ServiceName
from paidan_cockpit.settings import Language
from paidan_cockpit.translations import translations
from paidan_contracts.state import Status
from paidan_contracts.time_limits import RequestKind

_COUNTS_AGE_S: Final = 2.0
_PAGE_SIZE: Final = MAX_CASES
COUNTED: Final = 1000
"""Fitting cases that are counted at most: more are not worth the time that it takes."""
_NOTICES: Final = frozenset({"saved", "none-chosen"})


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuesPage(PageValues):
    """A page of a queue, what its filter can be set to, and the other queues beside it."""

    template: ClassVar[str] = "queues.html"

    filter: QueueFilter
    filter_description: str
    present: str
    names: CityNames
    times: CityTimes
    cities: Mapping[str, str]
    queues: Sequence[Queue]
    duty: str | None
    """By which the person decides on requests; None: by none."""
    found_names: Sequence[FoundName]
    page: CaseListPage
    total: int | None
    """How many cases fit; None: more than are counted."""
    counts: Mapping[str, int]
    letters: Mapping[ServiceName, int | None]
    max_rows: int | None
    own_department: str | None
    may_act: bool
    views: Sequence[SavedView]
    notice: str
    emergencies: Sequence[ListedEmergency]
    orders: Sequence[Order] = ORDERS
    hours: Sequence[Hours] = HOURS
    statuses: Sequence[Status] = STATUSES
    requests: Sequence[RequestKind] = get_args(RequestKind)
    more_open: bool = False
    own_answerable: str | None = None
    """The mark of cases for which the person answers as a leader; None: of none."""
    max_name: int = MAX_NAME
    most: int = COUNTED


class QueuePages:
    """``/queues``."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._letters = DeadLetterTotals(site)
        self._emergencies = EmergencyNotices(site)
        self._counts = TtlCache[QueueCounts](ttl_s=_COUNTS_AGE_S)

    def routes(self) -> list[BaseRoute]:
        """Return these routes."""
        return [self._site.page("/queues", self._list, "queues")]

    async def _list(self, context: RequestContext) -> Response:
        query = context.request.query_params
        queue_filter = QueueFilter.parse(query)
        view = await open_city(self._site, context, queue_filter.city)
        queue_filter = _within(queue_filter, view)
        grid = grid_places(view.city, queue_filter.work_grid)
        scope = Scope(view.city_id, context.person.grants, view.times.now, grid)
        duty = reviewing_duty(context.person, view.city)
        counts = await self._count(context, scope, queue_filter, duty)
        order = queue_order(context.person, view.city)
        if query.get("queue") not in order:
            queue = first_queue(order, counts)
            queue_filter = replace(queue_filter, queue=queue, decides=duty if queue == "requests" else None)
        terms = search_terms(view.city, queue_filter.words, with_departments=context.person.department is None)
        precedences = await self._emergencies.precedences(context.person, view.city)
        listed = await queries.list_cases(self._site.pool, scope, queue_filter, _PAGE_SIZE, terms, precedences)
        notice = query.get("done", "")
        page = QueuesPage(
            filter=queue_filter,
            filter_description=_description(queue_filter, view, context.language),
            present=view_query(queue_filter, view),
            names=view.names,
            times=view.times,
            emergencies=await self._emergencies.load(context.person, view.city),
            cities=view.cities,
            queues=order,
            duty=duty,
            found_names=_found_names(context, view, queue_filter),
            page=listed,
            total=await self._total(scope, queue_filter, listed, terms),
            counts=counts,
            letters=await self._letters.load(context),
            max_rows=MAX_ROWS if listed.after and _may_exceed(queue_filter.queue, counts) else None,
            own_department=scope.department,
            may_act=scope.department is not None or scope.grants.has_role("operator", "inspector", "caller"),
            views=await saved_views.list_views(self._site.pool, context.person),
            more_open=queue_filter.has_rare_restriction or queue_filter.queue == "escalated",
            own_answerable=_own_answerable(context, view),
            notice=notice if notice in _NOTICES else "",
        )
        return self._site.show(context, page)

    async def _total(
        self, scope: Scope, queue_filter: QueueFilter, listed: CaseListPage, terms: Sequence[SearchTerm]
    ) -> int | None:
        if listed.after is None and queue_filter.after is None:
            return len(listed.cases)
        return await queries.count_cases(self._site.pool, scope, queue_filter, COUNTED, terms)

    async def _count(
        self, context: RequestContext, scope: Scope, queue_filter: QueueFilter, duty: str | None
    ) -> dict[str, int]:
        """Return how many cases are in each queue, by its name."""
        counts = await self._counts.get(
            (scope.city, context.person.scopes, queue_filter.within, duty),
            lambda: queries.count_queues(self._site.pool, scope, queue_filter, duty),
        )
        return {name.replace("_", "-"): number for name, number in counts._asdict().items()}


def _description(queue_filter: QueueFilter, view: CityView, language: Language) -> str:
    """Return the filter in words, as the name of a view."""
    return describe_filter(queue_filter, view.names, translations(language).gettext)[:MAX_NAME]


def _own_answerable(context: RequestContext, view: CityView) -> str | None:
    post = context.person.post
    return mark("leader", post) if any(each.leader == post for each in view.city.pack.answerable or ()) else None


def _within(queue_filter: QueueFilter, view: CityView) -> QueueFilter:
    """Return the filter of this city, where there are several, without a street that is in another district."""
    city = view.city_id if len(view.cities) > 1 else queue_filter.city
    elsewhere = dict(view.names.choices("street")).keys() - dict(view.names.streets_of(queue_filter.district)).keys()
    return replace(queue_filter, city=city, street=None if queue_filter.street in elsewhere else queue_filter.street)


def view_query(queue_filter: QueueFilter, view: CityView) -> str:
    """Return the query under which a filter is kept: of its first page, and always of this city."""
    return replace(queue_filter, city=view.city_id).query()


def _found_names(context: RequestContext, view: CityView, queue_filter: QueueFilter) -> list[FoundName]:
    with_departments = context.person.department is None
    return find_names(view.names, queue_filter.words, with_departments=with_departments)


def _may_exceed(queue: Queue, counts: dict[str, int]) -> bool:
    """Return whether a queue may have more cases than a table holds; those that are not counted have open ones."""
    return queue == "all" or counts.get(queue, counts["open"]) > MAX_ROWS
