"""Desks: what waits for a department, an inspector or a caller-back, each with the form of the next action at hand."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response
from starlette.routing import BaseRoute

from paidan_cockpit.pages import queries
from paidan_cockpit.pages.action_forms import ActionForm
from paidan_cockpit.pages.bulk_request import AT_ONCE
from paidan_cockpit.pages.calls import CallableReport, reports_to_call
from paidan_cockpit.pages.case_record import parse_order, parse_record
from paidan_cockpit.pages.case_story import load_forms
from paidan_cockpit.pages.case_view import CaseView
from paidan_cockpit.pages.city_view import open_city
from paidan_cockpit.pages.queue_filter import Queue, QueueFilter
from paidan_cockpit.pages.site import Site
from paidan_cockpit.pages.visibility import Scope
from paidan_cockpit.pages.visit import Visit
from paidan_cockpit.rights import Page
from paidan_cockpit.services_client import ServiceUnavailable
from paidan_contracts.orders import Order

_SHOWN: Final = 20
_NOTICES: Final = frozenset({"applied", "taken"})
_NUMBER: Final = re.compile(r"[0-9a-f]{1,64}")


@dataclass(frozen=True, slots=True)
class Task:
    """A case that waits for the visitor, with what may be done, and of a closed one whom to call."""

    found: CaseView
    forms: Sequence[ActionForm]
    calls: Sequence[CallableReport] = ()
    order: Order | None = None
    """Of a department: its own order."""
    status: str = ""
    """How far that order is; empty: as far as the case."""


@dataclass(frozen=True, slots=True)
class Desk:
    """A page of tasks: of which queue, and which actions it offers at once."""

    page: Page
    queue: Queue
    actions: tuple[str, ...]


DESKS: Final = (
    Desk("desk", "in-work", ("accept", "finish", "return")),
    Desk("inspection", "inspection", ("inspect",)),
    Desk("callbacks", "callback", ()),
)


class DeskPages:
    """``/desk``, ``/inspection``, ``/callbacks``."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[BaseRoute]:
        """Return these routes."""
        return [self._route(desk) for desk in DESKS]

    def _route(self, desk: Desk) -> BaseRoute:
        async def show(visit: Visit) -> Response:
            return await self._show(visit, desk)

        return self._site.page(f"/{desk.page}", show, desk.page)

    async def _show(self, visit: Visit, desk: Desk) -> Response:
        query = visit.request.query_params
        view = await open_city(self._site, visit, query.get("city") or None)
        scope = Scope(view.city_id, visit.person.grants, view.times.now)
        queue_filter = QueueFilter.parse({"queue": desk.queue, "city": view.city_id, "after": query.get("after", "")})
        page = await queries.list_cases(self._site.pool, scope, queue_filter, _SHOWN)
        tasks, unavailable = await self._tasks(visit, desk, page.cases)
        values: dict[str, Any] = {"desk": desk, "tasks": tasks, "after": page.after, "filter": queue_filter}
        values |= {"names": view.names, "times": view.times, "unavailable": unavailable}
        values |= {"cities": view.cities, "back": f"/{desk.page}?city={view.city_id}"}
        number, done = query.get("case", ""), query.get("done", "")
        values["done"] = done if done in _NOTICES and _NUMBER.fullmatch(number) else ""
        values["done_case"] = number
        return self._site.show(visit, "desk.html", values)

    async def _tasks(self, visit: Visit, desk: Desk, cases: Sequence[CaseView]) -> tuple[list[Task], bool]:
        """Return a task of each case, and whether dispatch left any unanswered; after some it is asked no more."""
        turn, unanswered = asyncio.Semaphore(AT_ONCE), 0

        async def load(found: CaseView) -> Task:
            nonlocal unanswered
            async with turn:
                if unanswered < AT_ONCE:
                    try:
                        return await self._task(visit, desk, found)
                    except ServiceUnavailable:
                        unanswered += 1
            return Task(found, ())

        tasks = await asyncio.gather(*(load(each) for each in cases))
        return tasks, unanswered > 0

    async def _task(self, visit: Visit, desk: Desk, found: CaseView) -> Task:
        if desk.page == "callbacks":
            answer = await self._site.services.get("dispatch", f"/v1/cases/{found.case_id}", visit.person)
            record = parse_record(answer.body) if answer.ok and isinstance(answer.body, dict) else None
            return Task(found, (), reports_to_call(record) if record else ())
        (order, status), forms = await asyncio.gather(
            self._own_order(visit, desk, found), load_forms(self._site, visit, found.case_id)
        )
        if order is not None and order.role != "lead" and status == "inspecting":
            return Task(found, (), order=order, status=status)  # its part is done
        allowed = {form.kind: form for form in forms if form.allowed}
        return Task(found, [allowed[kind] for kind in desk.actions if kind in allowed], order=order, status=status)

    async def _own_order(self, visit: Visit, desk: Desk, found: CaseView) -> tuple[Order | None, str]:
        """Return the order of the visitor's department in a case, and how far it is; None of who has no department."""
        if desk.page != "desk":
            return None, found.status
        answer = await self._site.services.get("dispatch", f"/v1/cases/{found.case_id}", visit.person)
        body = answer.body if answer.ok and isinstance(answer.body, dict) else {}
        return parse_order(body), str(body.get("status", found.status))
