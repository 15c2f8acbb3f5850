"""One call to one reporter: what to say, whom to call (once, and recorded by the vault), and what the reporter said."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar, Final, NamedTuple

from starlette.responses import Response
from starlette.routing import BaseRoute

from paidan_cockpit.pages.action_forms import ActionForm
from paidan_cockpit.pages.call_answers import call_key, recorded_calls
from paidan_cockpit.pages.case_page import find_visible_case, load_case_page
from paidan_cockpit.pages.case_record import CaseRecord
from paidan_cockpit.pages.case_reports import reports_of_case
from paidan_cockpit.pages.case_summary import CaseSummary
from paidan_cockpit.pages.names import CityNames
from paidan_cockpit.pages.renderer import PageValues
from paidan_cockpit.pages.request_context import PageRefused, RequestContext
from paidan_cockpit.pages.site import Site
from paidan_cockpit.pages.times import CityTimes
from paidan_cockpit.services_client import ServiceUnavailable
from paidan_contracts.state import CalledBack

REASON: Final = "回访 callback"
"""Why a caller-back looks: the vault records it, and shows a caller-back nothing but what a waiting call needs."""


class CallableReport(NamedTuple):
    """A report whose reporter is to be called; of one that no known step tells of, the id alone."""

    report_id: str
    source: str = ""
    recorded_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPage(PageValues):
    """One call. ``report_text`` is empty where the vault alone holds it, None where no known step tells of it."""

    template: ClassVar[str] = "call.html"

    summary: CaseSummary
    names: CityNames
    times: CityTimes
    report_id: str
    report_text: str | None
    answer: str | None
    form: ActionForm | None
    recorded: Sequence[CalledBack]
    contact: Mapping[str, Any] | None = None
    refusal: str = ""


class CallPages:
    """``/callbacks/{case_id}/{report_id}`` and the contact under it."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[BaseRoute]:
        """Return these routes."""
        path = "/callbacks/{case_id}/{report_id}"
        return [
            self._site.page(path, self._show, "callbacks"),
            self._site.page(f"{path}/contact", self._show_contact, "callbacks", "POST"),
        ]

    async def _show(self, context: RequestContext) -> Response:
        return self._site.show(context, await self._load(context))

    async def _show_contact(self, context: RequestContext) -> Response:
        """Show the contact in this one response, which no browser stores, as it stores no page of ours."""
        await context.form()
        page = await self._load(context)
        path = f"/v1/reports/{page.report_id}/reporter"
        answer = await self._site.services.post("intake", path, context.person, {"reason": REASON})
        if not answer.ok:
            return self._site.show(context, replace(page, refusal=answer.message(context.language)), 422)
        return self._site.show(context, replace(page, contact=answer.body))

    async def _load(self, context: RequestContext) -> CallPage:
        summary = await find_visible_case(self._site, context)
        report_id = str(context.request.path_params["report_id"])
        page = await load_case_page(self._site, context, summary)
        if page.unavailable:
            raise ServiceUnavailable("dispatch")
        texts = texts_by_report(page.record) if page.record else {}
        if page.record is None or report_id not in texts:
            raise PageRefused(404)
        state = page.record.state
        form = next((each for each in page.forms if each.kind == "call_back" and each.allowed), None)
        return CallPage(
            summary=summary,
            names=page.names,
            times=page.times,
            report_id=report_id,
            report_text=texts[report_id],
            answer=state.answer,
            form=replace(form, key=call_key(state, report_id)) if form else None,
            recorded=recorded_calls(state, report_id),
        )


def reports_to_call(record: CaseRecord) -> list[CallableReport]:
    """Return the reports whose reporters wait for a call, in the order in which they wait."""
    state = record.state
    reports = reports_of_case(state, record.events)
    known = {
        each.report_id: CallableReport(each.report_id, each.source, each.recorded_at)
        for each in reports
        if each.report_id
    }
    return [known.get(each) or CallableReport(each) for each in state.callbacks_awaited or (state.opened_by,)]


def texts_by_report(record: CaseRecord) -> dict[str, str | None]:
    """Return the masked text of each report of a case by its id.

    They are empty for what the vault alone holds, and None for a report that no known step tells of.
    """
    awaited: dict[str, str | None] = dict.fromkeys(record.state.callbacks_awaited)
    reports = reports_of_case(record.state, record.events)
    return awaited | {each.report_id: "" if each.confidential else each.text for each in reports if each.report_id}
