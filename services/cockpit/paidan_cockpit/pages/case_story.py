"""Everything that a case's page shows: from the read model, and with the visitor's rights from dispatch."""

import asyncio
from dataclasses import replace
from typing import Any

from paidan_cockpit.pages import queries
from paidan_cockpit.pages.action_forms import ActionForm, parse_forms
from paidan_cockpit.pages.case_record import CaseRecord, parse_order, parse_record
from paidan_cockpit.pages.city_view import CityView, open_city
from paidan_cockpit.pages.names import CityNames
from paidan_cockpit.pages.queries import CaseView
from paidan_cockpit.pages.receipts import receipt_sentence
from paidan_cockpit.pages.site import Site
from paidan_cockpit.pages.timeline import Storyteller
from paidan_cockpit.pages.visibility import may_see
from paidan_cockpit.pages.visit import PageRefused, Visit
from paidan_cockpit.services_client import ServiceUnavailable
from paidan_cockpit.translations import translations


async def find_visible_case(site: Site, visit: Visit) -> CaseView:
    """Return the case of the address; refuse one that the person may not see as if there were none."""
    found = await queries.find_case(site.pool, str(visit.request.path_params["case_id"]))
    if found is None or not may_see(visit.person, found):
        raise PageRefused(404)
    return found


async def load_forms(site: Site, visit: Visit, case_id: str) -> list[ActionForm]:
    """Return the forms of what the visitor may do now, and the reasons of what not."""
    answer = await site.services.get("dispatch", f"/v1/cases/{case_id}/actions", visit.person)
    return parse_forms(answer.body, visit.language) if answer.ok and isinstance(answer.body, dict) else []


async def load_story(site: Site, visit: Visit, found: CaseView, filled: ActionForm | None = None) -> dict[str, Any]:
    """Return the values of a case's page; ``filled`` takes the place of the form that it is."""
    view = await open_city(site, visit, found.city)
    values: dict[str, Any] = {"found": found, "names": view.names, "times": view.times, "record": None, "order": None}
    values |= {"timeline": [], "receipts": [], "forms": [], "unavailable": False, "filled": filled}
    path = f"/v1/cases/{found.case_id}"
    try:
        answer, forms = await asyncio.gather(
            site.services.get("dispatch", path, visit.person), load_forms(site, visit, found.case_id)
        )
    except ServiceUnavailable:
        return values | {"unavailable": True}
    body = answer.body if answer.ok and isinstance(answer.body, dict) else {}
    values["forms"] = [_merged(each, filled) for each in forms]
    if visit.person.department is not None:
        return values | {"order": parse_order(body)}
    record = parse_record(body)
    return values | await _told(site, visit, view, record) if record is not None else values


def _merged(form: ActionForm, filled: ActionForm | None) -> ActionForm:
    if filled is None or filled.kind != form.kind:
        return form
    return replace(form, values=filled.values, errors=filled.errors)


async def _told(site: Site, visit: Visit, view: CityView, record: CaseRecord) -> dict[str, Any]:
    translate = translations(visit.language).gettext
    receipts = []
    for receipt in record.receipts:
        pack = await site.packs.find(receipt.city_version)
        names = CityNames(pack or view.city, visit.language)
        receipts.append((receipt, receipt_sentence(receipt, translate, names)))
    timeline = list(Storyteller(translate, view.names).timeline(record.events))
    return {"record": record, "timeline": timeline, "receipts": receipts}
