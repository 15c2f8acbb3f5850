"""One action on several cases: chosen in a queue, filled in once, and told of each case what became of it."""

import asyncio
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any, Final

from starlette.responses import Response
from starlette.routing import BaseRoute

from paidan_cockpit.pages import queries
from paidan_cockpit.pages.action_forms import ActionForm, errors_at, request_body
from paidan_cockpit.pages.bulk_forms import MAX_CASES, case_fields, chosen_cases, common_choice
from paidan_cockpit.pages.bulk_request import AT_ONCE, BulkResult, load_forms_of, send_action
from paidan_cockpit.pages.case_view import CaseView
from paidan_cockpit.pages.city_view import open_city
from paidan_cockpit.pages.queue_filter import QueueFilter
from paidan_cockpit.pages.site import Site, see_other
from paidan_cockpit.pages.visibility import may_see
from paidan_cockpit.pages.visit import PageRefused, Visit
from paidan_cockpit.services_client import ServiceUnavailable

_ROWS_WAIT_S: Final = 3.0
_POLL_S: Final = 0.1


class BulkActionPages:
    """``/queues/actions`` and ``/queues/actions/{kind}``."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[BaseRoute]:
        """Return these routes."""
        return [
            self._site.page("/queues/actions", self._choose, "queues"),
            self._site.page("/queues/actions/{kind}", self._act, "queues", "POST"),
        ]

    async def _choose(self, visit: Visit) -> Response:
        """Show what all of the chosen cases allow. Changes nothing, so its address may be opened again."""
        query = visit.request.query_params
        back = _back_of(query.get("back", ""))
        chosen = list(dict.fromkeys(query.getlist("case")))
        if not chosen:
            return see_other(f"/queues?{back}&done=none-chosen")
        at_once = chosen[:MAX_CASES]
        cases = await self._find(visit, at_once)
        left = {"missing": len(at_once) - len(cases), "beyond": len(chosen) - len(at_once)}
        return await self._show_choice(visit, cases, back, left)

    async def _act(self, visit: Visit) -> Response:
        fields = (await visit.form()).fields
        kind, key = str(visit.request.path_params["kind"]), _key_of(fields.get("key", ""))
        back = _back_of(fields.get("back", ""))
        chosen = chosen_cases(fields)
        if not chosen:
            return see_other(f"/queues?{back}&done=none-chosen")
        if len(chosen) > MAX_CASES:
            raise PageRefused(422, "too_many_cases")
        cases = await self._find(visit, chosen)
        form = replace(await self._form_of(visit, cases, kind), values=fields)
        results = await send_action(self._site, visit, cases, request_body(form, fields, ()), key)
        errors = [errors_at(form, each.field, each.why) for each in results if each.result == "refused"]
        # What is wrong with the form is wrong for every case: nothing was done, and it is filled in again.
        if len(errors) == len(results) and "" not in errors[0] and all(each == errors[0] for each in errors):
            left = {"missing": len(chosen) - len(cases), "beyond": 0}
            return await self._show_choice(visit, cases, back, left, replace(form, errors=errors[0]))
        await self._await_rows(results)
        values = {"results": results, "form": form, "key": str(key), "missing": len(chosen) - len(cases)}
        return await self._show(
            visit, "bulk_result.html", cases, back, values | await self._again(visit, results, form)
        )

    async def _again(self, visit: Visit, results: Sequence[BulkResult], form: ActionForm) -> dict[str, Any]:
        """Return the form once more, as it was filled in, for the cases that refused it."""
        refused = [each.found for each in results if each.result == "refused"]
        try:
            choice = common_choice(await load_forms_of(self._site, visit, refused))
        except ServiceUnavailable:
            return {"refused": refused, "again": None}  # what became of the others is told all the same
        same = next((each for each in choice.forms if each.kind == form.kind), None)
        return {"refused": refused, "again": replace(same, values=form.values) if same else None}

    async def _show_choice(
        self,
        visit: Visit,
        cases: Sequence[CaseView],
        back: str,
        left: Mapping[str, int],
        filled: ActionForm | None = None,
    ) -> Response:
        """``left``: how many of the chosen cases are not among them, and why."""
        choice = common_choice(await load_forms_of(self._site, visit, cases))
        merged = (
            replace(each, values=filled.values, errors=filled.errors) if filled and filled.kind == each.kind else each
            for each in choice.forms
        )
        values = {"forms": list(merged), "partly": choice.partly, "filled": filled, "most": MAX_CASES, **left}
        return await self._show(visit, "bulk.html", cases, back, values, 422 if filled else 200)

    async def _show(
        self,
        visit: Visit,
        template: str,
        cases: Sequence[CaseView],
        back: str,
        values: dict[str, Any],
        status: int = 200,
    ) -> Response:
        view = await open_city(self._site, visit, cases[0].city)
        common = {"cases": cases, "back": back, "names": view.names, "times": view.times, "fields_of": case_fields}
        return self._site.show(visit, template, common | values, status)

    async def _find(self, visit: Visit, case_ids: Sequence[str]) -> list[CaseView]:
        """Return those of the cases that the person may see, in this order; refuse where there is none."""
        found = {each.case_id: each for each in await queries.find_cases(self._site.pool, case_ids)}
        cases = [found[each] for each in case_ids if each in found and may_see(visit.person, found[each])]
        if not cases:
            raise PageRefused(404)
        return cases

    async def _form_of(self, visit: Visit, cases: Sequence[CaseView], kind: str) -> ActionForm:
        """Return the form of a kind of action; which case it is of does not matter for how its fields are read."""
        for begin in range(0, len(cases), AT_ONCE):
            offered = chain.from_iterable(await load_forms_of(self._site, visit, cases[begin : begin + AT_ONCE]))
            if (form := next((form for form in offered if form.kind == kind), None)) is not None:
                return form
        raise PageRefused(404)

    async def _await_rows(self, results: Sequence[BulkResult]) -> None:
        """Wait a little until the read model has what was applied, so that the next list shows it."""
        versions = {each.found.case_id: each.version for each in results if each.result == "applied"}
        deadline = time.monotonic() + _ROWS_WAIT_S
        while versions and time.monotonic() < deadline:
            found = await queries.find_cases(self._site.pool, list(versions))
            if all(each.version >= versions[each.case_id] for each in found):
                return
            await asyncio.sleep(_POLL_S)


def _back_of(text: str) -> str:
    """Return the query of the page from which the cases were chosen, as that page itself would write it."""
    queue_filter = QueueFilter.from_query(text)
    return queue_filter.query(after=queue_filter.after)


def _key_of(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        return uuid.uuid4()
