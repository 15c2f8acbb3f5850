"""Desks: what waits for a department, a patrol or a caller-back, each with the form of the next action at hand."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Final, NamedTuple

from starlette.responses import Response
from starlette.routing import BaseRoute

from paidan_cockpit.pages import queries
from paidan_cockpit.pages.action_forms import ActionForm
from paidan_cockpit.pages.calls import CallableReport, reports_to_call
from paidan_cockpit.pages.case_page import CaseOffer, load_offers
from paidan_cockpit.pages.case_record import ShownRound, parse_record
from paidan_cockpit.pages.case_summary import CaseSummary
from paidan_cockpit.pages.city_view import CityView, open_city
from paidan_cockpit.pages.emergencies import EmergencyNotices
from paidan_cockpit.pages.names import CityNames
from paidan_cockpit.pages.queue_filter import Queue, QueueFilter
from paidan_cockpit.pages.renderer import PageValues
from paidan_cockpit.pages.request_context import RequestContext
from paidan_cockpit.pages.search_terms import search_terms
from paidan_cockpit.pages.site import Site
from paidan_cockpit.pages.times import CityTimes
from paidan_cockpit.pages.visibility import Scope
from paidan_cockpit.rights import Page, Person
from paidan_cockpit.services_client import ServiceUnavailable
from paidan_contracts.city import City
from paidan_contracts.orders import Order

_SHOWN: Final = 20
_COUNTED: Final = 1000
_PAGES_AT_MOST: Final = 4
"""How many pages of cases are looked through for as many that still need something."""
_AT_ONCE: Final = 6
"""How many cases dispatch is asked about at a time, where it has to be asked about each."""
_NOTICES: Final = frozenset({"applied", "taken"})
_COUNT: Final = re.compile(r"[0-9]{1,6}")
_NUMBER: Final = re.compile(r"[0-9A-Za-z-]{1,64}")


@dataclass(frozen=True, slots=True)
class Task:
    """A case that waits for the person, with what may be done, and of a closed one whom to call."""

    summary: CaseSummary
    forms: Sequence[ActionForm]
    calls: Sequence[CallableReport] = ()
    order: Order | None = None
    """Of a department: its own order."""
    status: str = ""
    """How far that order is; empty: as far as the case."""
    is_done: bool = False
    """Whether the department has done its part, so that nothing is left to do but to wait."""
    rounds: Sequence[ShownRound] = ()
    """Of a department: why it is to do its work again, the newest first."""


class TaskList(NamedTuple):
    """Some tasks of a desk, the cursor of the next ones, and whether dispatch left any unanswered."""

    tasks: list[Task]
    after: str | None
    unavailable: bool
    first: frozenset[str]
    """The cases that come first by an emergency or event."""


@dataclass(frozen=True, slots=True)
class Desk:
    """A page of tasks: of which queue, and which actions it offers at once."""

    page: Page
    queue: Queue
    actions: tuple[str, ...]


DESKS: Final = (
    Desk("desk", "in-work", ("accept", "finish", "return")),
    Desk("inspection", "inspection", ("inspect",)),
    Desk("verification", "verification", ("verify", "cannot_verify", "settle")),
    Desk("callbacks", "callback", ()),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskPage(PageValues):
    """The tasks of a desk; ``unavailable``: dispatch left some unanswered."""

    template: ClassVar[str] = "desk.html"

    desk: Desk
    tasks: Sequence[Task]
    done_tasks: Sequence[Task]
    after: str | None
    seen: int
    """How many cases the pages before this one had."""
    total: int | None
    """How many there are; None where they are not counted, or words were searched for."""
    words: str
    names: CityNames
    times: CityTimes
    unavailable: bool
    cities: Mapping[str, str]
    back: str
    done: str
    done_case: str
    deed: str
    first: frozenset[str] = frozenset()
    """The cases that come first by an emergency or event."""


class DeskPages:
    """``/desk``, ``/inspection``, ``/verification``, ``/callbacks``."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._emergencies = EmergencyNotices(site)

    def routes(self) -> list[BaseRoute]:
        """Return these routes."""
        return [self._route(desk) for desk in DESKS]

    def _route(self, desk: Desk) -> BaseRoute:
        async def show(context: RequestContext) -> Response:
            return await self._show(context, desk)

        return self._site.page(f"/{desk.page}", show, desk.page)

    async def _show(self, context: RequestContext, desk: Desk) -> Response:
        query = context.request.query_params
        view = await open_city(self._site, context, query.get("city") or None)
        scope = Scope(view.city_id, context.person.grants, view.times.now)
        asked = {name: query.get(name, "") for name in ("after", "words")}
        post = tasked_post(context.person, view.city) if desk.page == "verification" else None
        queue_filter = QueueFilter.parse({"queue": desk.queue, "city": view.city_id, "verifier": post or ""} | asked)
        listed = await self._list(context, desk, view, scope, queue_filter)
        number, done, seen = (query.get(name, "") for name in ("case", "done", "seen"))
        desk_page = DeskPage(
            desk=desk,
            tasks=[each for each in listed.tasks if not each.is_done],
            done_tasks=[each for each in listed.tasks if each.is_done],
            after=listed.after,
            seen=int(seen) if _COUNT.fullmatch(seen) else 0,
            total=await self._count(scope, queue_filter),
            words=queue_filter.words,
            names=view.names,
            times=view.times,
            unavailable=listed.unavailable,
            first=listed.first,
            cities=view.cities,
            done=done if done in _NOTICES and _NUMBER.fullmatch(number) else "",
            done_case=number,
            deed=query.get("deed", ""),
            back=f"/{desk.page}?city={view.city_id}",
        )
        return self._site.show(context, desk_page)

    async def _list(
        self, context: RequestContext, desk: Desk, view: CityView, scope: Scope, queue_filter: QueueFilter
    ) -> TaskList:
        """Return the next tasks, so many that a page of them needs something, if there are."""
        terms = search_terms(view.city, queue_filter.words, with_departments=scope.department is None)
        precedences = await self._emergencies.precedences(context.person, view.city)
        tasks: list[Task] = []
        first: frozenset[str] = frozenset()
        for _ in range(_PAGES_AT_MOST):
            page = await queries.list_cases(self._site.pool, scope, queue_filter, _SHOWN, terms, precedences)
            first |= page.first
            more, unavailable = await self._tasks(context, desk, page.cases)
            tasks += more
            if unavailable or page.after is None or sum(not each.is_done for each in tasks) >= _SHOWN:
                break
            queue_filter = replace(queue_filter, after=page.after)
        return TaskList(tasks, page.after, unavailable, first)

    async def _count(self, scope: Scope, queue_filter: QueueFilter) -> int | None:
        if queue_filter.words:
            return None
        if queue_filter.verifier is not None:
            return await queries.count_cases(self._site.pool, scope, queue_filter, _COUNTED)
        counts = await queries.count_queues(self._site.pool, scope, queue_filter)
        return counts._asdict().get(queue_filter.queue)

    async def _tasks(
        self, context: RequestContext, desk: Desk, summaries: Sequence[CaseSummary]
    ) -> tuple[list[Task], bool]:
        """Return a task of each case, and whether dispatch left any unanswered."""
        if desk.page == "callbacks":
            return await self._calls(context, summaries)
        try:
            offers = await load_offers(self._site, context, summaries, desk.actions)
        except ServiceUnavailable:
            return [Task(each, ()) for each in summaries], True
        return [task_of(desk, *pair) for pair in zip(summaries, offers, strict=True)], False

    async def _calls(self, context: RequestContext, summaries: Sequence[CaseSummary]) -> tuple[list[Task], bool]:
        """Return whom to call about each case; once dispatch has left some unanswered it is asked no more."""
        turn, unanswered = asyncio.Semaphore(_AT_ONCE), 0

        async def load(summary: CaseSummary) -> Task:
            nonlocal unanswered
            async with turn:
                if unanswered < _AT_ONCE:
                    try:
                        return await self._call(context, summary)
                    except ServiceUnavailable:
                        unanswered += 1
            return Task(summary, ())

        tasks = await asyncio.gather(*map(load, summaries))
        return tasks, unanswered > 0

    async def _call(self, context: RequestContext, summary: CaseSummary) -> Task:
        answer = await self._site.services.get("dispatch", f"/v1/cases/{summary.case_id}", context.person)
        record = parse_record(answer.body) if answer.ok and isinstance(answer.body, dict) else None
        return Task(summary, (), reports_to_call(record) if record else ())


def tasked_post(person: Person, city: City) -> str | None:
    """Return the post whose tasks alone a patrol sees; None where the city's pack gives none to it."""
    return person.post if city.pack.verification is not None and person.post in city.posts else None


def task_of(desk: Desk, summary: CaseSummary, offer: CaseOffer) -> Task:
    """Return the task of a case that dispatch offers something of, or nothing any more."""
    order = offer.order
    status = offer.order_status if order is not None else summary.status
    if order is not None and order.role != "lead" and status == "inspecting":
        return Task(summary, (), order=order, status=status, is_done=True)
    allowed = {form.kind: form for form in offer.forms if form.allowed}
    forms = [allowed[kind] for kind in desk.actions if kind in allowed]
    return Task(summary, forms, order=order, status=status, rounds=offer.rounds)
