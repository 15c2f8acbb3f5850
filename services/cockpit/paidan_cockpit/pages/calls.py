"""One call to one reporter: what to say, whom to call (once, and recorded by the vault), and what the reporter said."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from starlette.responses import Response
from starlette.routing import BaseRoute

from paidan_cockpit.pages.case_story import find_visible_case, load_story
from paidan_cockpit.pages.site import Site
from paidan_cockpit.pages.visit import PageRefused, Visit
from paidan_cockpit.services_client import ServiceUnavailable
from paidan_contracts.state import CaseState

REASON: Final = "回访 callback"
"""Why a caller-back looks: the vault records it, and shows a caller-back nothing but what a waiting call needs."""


class CallableReport(NamedTuple):
    """A report whose reporter is to be called."""

    report_id: str
    source: str
    recorded_at: datetime


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

    async def _show(self, visit: Visit) -> Response:
        return self._respond(visit, await self._load(visit))

    async def _show_contact(self, visit: Visit) -> Response:
        """Show the contact in this one response, which no browser stores, as it stores no page of ours."""
        await visit.form()
        values = await self._load(visit)
        path = f"/v1/reports/{values['report_id']}/reporter"
        answer = await self._site.services.post("intake", path, visit.person, {"reason": REASON})
        told = {"contact": answer.body} if answer.ok else {"refusal": answer.message(visit.language)}
        return self._respond(visit, values | told, 200 if answer.ok else 422)

    async def _load(self, visit: Visit) -> dict[str, Any]:
        found = await find_visible_case(self._site, visit)
        report_id = str(visit.request.path_params["report_id"])
        story = await load_story(self._site, visit, found)
        if story["unavailable"]:
            raise ServiceUnavailable("dispatch")
        words = words_by_report(story["record"].state) if story["record"] else {}
        if report_id not in words:
            raise PageRefused(404)
        form = next((each for each in story["forms"] if each.kind == "call_back" and each.allowed), None)
        values = {"words": words[report_id], "answer": story["record"].state.answer, "report_id": report_id}
        return story | values | {"form": form, "contact": None, "refusal": ""}

    def _respond(self, visit: Visit, values: Mapping[str, Any], status: int = 200) -> Response:
        return self._site.show(visit, "call.html", values, status)


def reports_to_call(state: CaseState) -> list[CallableReport]:
    """Return the reports whose reporters wait for a call, in the order in which they wait."""
    known = {each.report_id: CallableReport(each.report_id, each.source, each.recorded_at) for each in state.joined}
    known[state.opened_by] = CallableReport(state.opened_by, state.source, state.reported_at)
    return [known[each] for each in state.callbacks_awaited or (state.opened_by,) if each in known]


def words_by_report(state: CaseState) -> dict[str, str]:
    """Return the masked words of each report of a case by its id; empty for what the vault alone holds."""
    own = {state.opened_by: "" if state.confidential else state.text}
    return own | {each.report_id: "" if each.confidential else each.text for each in state.joined}
