"""One action on several cases: chosen in a queue, filled in once, and what became of each case."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from starlette.responses import Response
from starlette.routing import BaseRoute

from paidan_cockpit.pages import queries
from paidan_cockpit.pages.action_forms import ActionForm, errors_at, request_body
from paidan_cockpit.pages.bulk_forms import MAX_CASES, BulkChoice, PartlyAllowed, chosen_cases, common_choice
from paidan_cockpit.pages.bulk_request import BulkResult, send_action
from paidan_cockpit.pages.case_page import load_offers
from paidan_cockpit.pages.case_summary import CaseSummary
from paidan_cockpit.pages.city_view import open_city
from paidan_cockpit.pages.form_checks import errors_of_fields
from paidan_cockpit.pages.names import CityNames
from paidan_cockpit.pages.queue_filter import QueueFilter
from paidan_cockpit.pages.renderer import PageValues
from paidan_cockpit.pages.request_context import PageRefused, RequestContext
from paidan_cockpit.pages.site import Site, see_other
from paidan_cockpit.pages.times import CityTimes
from paidan_cockpit.pages.visibility import may_see
from paidan_cockpit.services_client import ServiceUnavailable
from paidan_cockpit.translations import translations


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkChoicePage(PageValues):
    """What may be done with all of the chosen cases; ``filled``: the form that all of them refused.

    ``missing``: how many of the chosen cases are gone; ``beyond``: how many are more than go at once.
    """

    template: ClassVar[str] = "bulk.html"

    cases: Sequence[CaseSummary]
    back: str
    names: CityNames
    times: CityTimes
    forms: Sequence[ActionForm]
    partly: Sequence[PartlyAllowed]
    missing: int
    beyond: int
    filled: ActionForm | None
    most: int = MAX_CASES


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkResultPage(PageValues):
    """What became of an action on several cases; ``again`` is its form for those that refused it."""

    template: ClassVar[str] = "bulk_result.html"

    back: str
    names: CityNames
    results: Sequence[BulkResult]
    form: ActionForm
    key: str
    missing: int
    refused: Sequence[CaseSummary]
    again: ActionForm | None


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

    async def _choose(self, context: RequestContext) -> Response:
        """Show what all of the chosen cases allow. Changes nothing, so its address may be opened again."""
        query = context.request.query_params
        back = _back_of(query.get("back", ""))
        chosen = list(dict.fromkeys(query.getlist("case")))
        if not chosen:
            return see_other(f"/queues?{back}&done=none-chosen")
        at_once = chosen[:MAX_CASES]
        cases = await self._find(context, at_once)
        missing, beyond = len(at_once) - len(cases), len(chosen) - len(at_once)
        return await self._show_choice(context, cases, back, missing=missing, beyond=beyond)

    async def _act(self, context: RequestContext) -> Response:
        fields = (await context.form()).fields
        kind, key = str(context.request.path_params["kind"]), _key_of(fields.get("key", ""))
        back = _back_of(fields.get("back", ""))
        chosen = chosen_cases(fields)
        if not chosen:
            return see_other(f"/queues?{back}&done=none-chosen")
        if len(chosen) > MAX_CASES:
            raise PageRefused(422, "too_many_cases")
        cases = await self._find(context, chosen)
        form = replace(await self._form_of(context, cases, kind), values=fields)
        if wrong := errors_of_fields(form, fields, 0, translations(context.language).gettext):
            missing, filled = len(chosen) - len(cases), replace(form, errors=wrong)
            return await self._show_choice(context, cases, back, missing=missing, filled=filled)
        results = await send_action(self._site, context, cases, request_body(form, fields, ()), key)
        errors = [errors_at(form, each.field, each.why) for each in results if each.result == "refused"]
        # What is wrong with the form is wrong for every case: nothing was done, and it is filled in again.
        if len(errors) == len(results) and "" not in errors[0] and all(each == errors[0] for each in errors):
            missing = len(chosen) - len(cases)
            filled = replace(form, errors=errors[0])
            return await self._show_choice(context, cases, back, missing=missing, filled=filled)
        versions = {each.summary.case_id: each.version for each in results if each.result == "applied"}
        await queries.wait_for_versions(self._site.pool, versions)
        view = await open_city(self._site, context, cases[0].city)
        refused = [each.summary for each in results if each.result == "refused"]
        page = BulkResultPage(
            back=back,
            names=view.names,
            results=results,
            form=form,
            key=str(key),
            missing=len(chosen) - len(cases),
            refused=refused,
            again=await self._again(context, refused, form),
        )
        return self._site.show(context, page)

    async def _again(
        self, context: RequestContext, refused: Sequence[CaseSummary], form: ActionForm
    ) -> ActionForm | None:
        """Return the form once more, as it was filled in, for the cases that refused it."""
        try:
            choice = await self._choice(context, refused)
        except ServiceUnavailable:
            return None  # what became of the others is shown all the same
        same = next((each for each in choice.forms if each.kind == form.kind), None)
        return replace(same, values=form.values) if same else None

    async def _show_choice(
        self,
        context: RequestContext,
        cases: Sequence[CaseSummary],
        back: str,
        *,
        missing: int,
        beyond: int = 0,
        filled: ActionForm | None = None,
    ) -> Response:
        choice = await self._choice(context, cases)
        merged = (
            replace(each, values=filled.values, errors=filled.errors) if filled and filled.kind == each.kind else each
            for each in choice.forms
        )
        view = await open_city(self._site, context, cases[0].city)
        page = BulkChoicePage(
            cases=cases,
            back=back,
            names=view.names,
            times=view.times,
            forms=list(merged),
            partly=choice.partly,
            missing=missing,
            beyond=beyond,
            filled=filled,
        )
        return self._site.show(context, page, 422 if filled else 200)

    async def _choice(self, context: RequestContext, cases: Sequence[CaseSummary]) -> BulkChoice:
        return common_choice([each.forms for each in await load_offers(self._site, context, cases)])

    async def _find(self, context: RequestContext, case_ids: Sequence[str]) -> list[CaseSummary]:
        """Return those of the cases that the person may see, in this order; refuse where there is none."""
        by_id = {each.case_id: each for each in await queries.find_cases(self._site.pool, case_ids)}
        cases = [by_id[each] for each in case_ids if each in by_id and may_see(context.person, by_id[each])]
        if not cases:
            raise PageRefused(404)
        return cases

    async def _form_of(self, context: RequestContext, cases: Sequence[CaseSummary], kind: str) -> ActionForm:
        """Return the form of a kind of action; which case it is of does not matter for how its fields are read."""
        for offer in await load_offers(self._site, context, cases, [kind]):
            if offer.forms:
                return offer.forms[0]
        raise PageRefused(404)


def _back_of(text: str) -> str:
    """Return the query of the page from which the cases were chosen, as that page itself would write it."""
    queue_filter = QueueFilter.from_query(text)
    return queue_filter.query(after=queue_filter.after)


def _key_of(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        return uuid.uuid4()
