"""Everything that a case's page shows: from the read model, and with the visitor's rights from dispatch."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from starlette.responses import Response

from paidan_cockpit.pages import queries
from paidan_cockpit.pages.action_forms import ActionForm, next_action, parse_forms
from paidan_cockpit.pages.case_map import CaseMap, draw_case
from paidan_cockpit.pages.case_photos import photos_of_case, photos_of_order
from paidan_cockpit.pages.case_reasons import Reasons
from paidan_cockpit.pages.case_record import CaseRecord, parse_order, parse_record
from paidan_cockpit.pages.case_reports import ShownReport, reports_of_case, reports_of_order
from paidan_cockpit.pages.case_view import CaseView
from paidan_cockpit.pages.city_view import CityView, open_city
from paidan_cockpit.pages.overview import policy_with_tiles
from paidan_cockpit.pages.site import CONTENT_POLICY, Site
from paidan_cockpit.pages.timeline import TimelineBuilder, place_of_work
from paidan_cockpit.pages.visibility import may_see
from paidan_cockpit.pages.visit import PageRefused, Visit
from paidan_cockpit.services_client import ServiceUnavailable
from paidan_cockpit.translations import translations
from paidan_contracts.case_event import CaseEvent
from paidan_contracts.cases import CaseFinished
from paidan_contracts.city.geography import Point
from paidan_contracts.orders import Order
from paidan_contracts.traffic_light import limit_lights


def show_case(site: Site, visit: Visit, values: Mapping[str, Any], status: int = 200) -> Response:
    """Return a case's page; its map may have pictures of the world from another host."""
    response = site.show(visit, "case.html", values, status)
    if site.map_tiles:
        response.headers["content-security-policy"] = policy_with_tiles(CONTENT_POLICY, site.map_tiles)
    return response


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
    values |= {"timeline": [], "reasons": [], "forms": [], "unavailable": False, "filled": filled}
    values |= {
        "reports": [],
        "photos": [],
        "next_action": None,
        "map": _map(view, found, [], site.map_tiles),
        "lights": (),
    }
    path = f"/v1/cases/{found.case_id}"
    try:
        answer, forms = await asyncio.gather(
            site.services.get("dispatch", path, visit.person), load_forms(site, visit, found.case_id)
        )
    except ServiceUnavailable:
        return values | {"unavailable": True}
    body = answer.body if answer.ok and isinstance(answer.body, dict) else {}
    following = next_action(found.status, found.row_id)
    ordered = sorted(forms, key=lambda each: each.kind != following)
    values |= {"forms": [_merged(each, filled) for each in ordered], "next_action": following}
    if visit.person.department is not None:
        return values | _ordered(site, view, found, parse_order(body))
    record = parse_record(body)
    return values | await _told(site, visit, view, found, record) if record is not None else values


def _merged(form: ActionForm, filled: ActionForm | None) -> ActionForm:
    if filled is None or filled.kind != form.kind:
        return form
    return replace(form, values=filled.values, errors=filled.errors)


def _ordered(site: Site, view: CityView, found: CaseView, order: Order | None) -> dict[str, Any]:
    """Return what a department sees: its order, with the reports and their photos."""
    if order is None:
        return {}
    reports = reports_of_order(order, found)
    return {
        "order": order,
        "reports": reports,
        "photos": photos_of_order(reports),
        "map": _map(view, found, reports, site.map_tiles),
    }


async def _told(site: Site, visit: Visit, view: CityView, found: CaseView, record: CaseRecord) -> dict[str, Any]:
    """Return what staff see: everything, in words."""
    translate = translations(visit.language).gettext
    packs = {version: await site.packs.find(version) for version in sorted(cited_versions(record))}
    reports = reports_of_case(record.state, record.events)
    return {
        "record": record,
        "lights": limit_lights(record.state, view.times.now),
        "timeline": list(TimelineBuilder(translate, view.names).timeline(record.events)),
        "reasons": list(Reasons(translate, view.times, packs, view.names).tell(record)),
        "reports": reports,
        "photos": photos_of_case(record, reports),
        "map": _map(view, found, reports, site.map_tiles, done_at(record.events)),
    }


def cited_versions(record: CaseRecord) -> set[str]:
    """Return the versions of the pack by which a case was opened, decided and placed."""
    state = record.state
    opened = {record.events[0].state.city_version} if record.events else set()
    placed = {each.placed_by.city_version for each in state.assignments}
    return {state.city_version, *opened, *placed, *(each.city_version for each in record.receipts)}


def done_at(events: Sequence[CaseEvent]) -> Point | None:
    """Return where the work was done that was finished last, if that was told."""
    finished = next((each for each in reversed(events) if isinstance(each, CaseFinished)), None)
    return place_of_work(finished) if finished is not None else None


def _map(
    view: CityView, found: CaseView, reports: Sequence[ShownReport], tiles: str | None, done: Point | None = None
) -> CaseMap | None:
    """Return the drawing of where a case is; None where that is unknown, or is in the vault."""
    if found.latitude is None or found.longitude is None or found.confidential:
        return None
    spots = [(each.number, each.at) for each in reports if each.at is not None]
    return draw_case(view.city, (found.longitude, found.latitude), spots, tiles, done)
