"""A case: its history in words, why it is where it is, its reports, and what may be done."""

from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute

from paidan_cockpit.pages import queries
from paidan_cockpit.pages.case_record import CaseRecord, parse_order, parse_record
from paidan_cockpit.pages.city_view import CityView, open_city
from paidan_cockpit.pages.names import CityNames
from paidan_cockpit.pages.queries import CaseView
from paidan_cockpit.pages.receipts import receipt_sentence
from paidan_cockpit.pages.site import Site
from paidan_cockpit.pages.timeline import Storyteller
from paidan_cockpit.pages.visit import PageRefused, Visit
from paidan_cockpit.services_client import ServiceUnavailable
from paidan_cockpit.translations import translations


class CasePages:
    """``/cases/{case_id}``."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[BaseRoute]:
        """Return these routes."""
        return [self._site.page("/cases/{case_id}", self._show, "case")]

    async def _show(self, visit: Visit) -> Response:
        found = await find_visible_case(self._site, visit)
        view = await open_city(self._site, visit, found.city)
        values: dict[str, Any] = {"found": found, "names": view.names, "times": view.times, "record": None}
        values |= {"order": None, "timeline": [], "receipts": [], "unavailable": False}
        try:
            answer = await self._site.services.get("dispatch", f"/v1/cases/{found.case_id}", visit.person)
        except ServiceUnavailable:
            return self._site.show(visit, "case.html", values | {"unavailable": True})
        body = answer.body if answer.ok and isinstance(answer.body, dict) else {}
        if visit.person.department is not None:
            return self._site.show(visit, "case.html", values | {"order": parse_order(body)})
        if (record := parse_record(body)) is not None:
            values |= await self._story(visit, view, record)
        return self._site.show(visit, "case.html", values)

    async def _story(self, visit: Visit, view: CityView, record: CaseRecord) -> dict[str, Any]:
        translate = translations(visit.language).gettext
        receipts = []
        for receipt in record.receipts:
            pack = await self._site.packs.find(receipt.city_version)
            names = CityNames(pack or view.city, visit.language)
            receipts.append((receipt, receipt_sentence(receipt, translate, names)))
        timeline = list(Storyteller(translate, view.names).timeline(record.events))
        return {"record": record, "timeline": timeline, "receipts": receipts}


async def find_visible_case(site: Site, visit: Visit) -> CaseView:
    """Return the case of the address; refuse one that the person may not see as if there were none."""
    found = await queries.find_case(site.pool, str(visit.request.path_params["case_id"]))
    if found is None or not visit.person.covers(found.city):
        raise PageRefused(404)
    own = visit.person.department
    if own is not None and own != found.department and own not in found.helpers:
        raise PageRefused(404)
    return found
