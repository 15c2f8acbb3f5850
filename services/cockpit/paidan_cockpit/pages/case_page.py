"""Everything that a case's page shows: from the read model, and with the person's rights from dispatch."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from paidan_cockpit.pages import queries
from paidan_cockpit.pages.action_forms import ActionForm, next_action, parse_forms
from paidan_cockpit.pages.case_map import CaseMap, draw_case
from paidan_cockpit.pages.case_photos import PhotoGroup, photos_of_case, photos_of_order
from paidan_cockpit.pages.case_reasons import Reason, Reasons
from paidan_cockpit.pages.case_record import CaseRecord, ShownRound, parse_order, parse_record, parse_rounds
from paidan_cockpit.pages.case_reports import ShownReport, reports_of_case, reports_of_order
from paidan_cockpit.pages.case_summary import CaseSummary
from paidan_cockpit.pages.city_view import CityView, open_city
from paidan_cockpit.pages.colleagues import with_colleagues
from paidan_cockpit.pages.names import CityNames
from paidan_cockpit.pages.renderer import PageValues
from paidan_cockpit.pages.request_context import PageRefused, RequestContext
from paidan_cockpit.pages.site import Site
from paidan_cockpit.pages.timeline import TimelineBuilder, TimelineEntry, place_of_work
from paidan_cockpit.pages.times import CityTimes
from paidan_cockpit.pages.visibility import may_see
from paidan_cockpit.services_client import ServiceUnavailable
from paidan_cockpit.settings import Language
from paidan_cockpit.translations import translations
from paidan_contracts.case_event import CaseEvent
from paidan_contracts.cases import CaseFinished
from paidan_contracts.city.geography import Point
from paidan_contracts.orders import Order
from paidan_contracts.traffic_light import LimitLight, limit_lights


@dataclass(frozen=True, slots=True)
class CaseOffer:
    """What may be done with a case, and of a department its own order there, with how far that is."""

    forms: Sequence[ActionForm]
    order: Order | None = None
    order_status: str = ""
    rounds: Sequence[ShownRound] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CasePage(PageValues):
    """A case's page; what dispatch did not answer, or does not show to this person, is empty."""

    template: ClassVar[str] = "case.html"

    summary: CaseSummary
    names: CityNames
    times: CityTimes
    map: CaseMap | None
    notice: str = ""
    deed: str = ""
    unavailable: bool = False
    filled: ActionForm | None = None
    forms: Sequence[ActionForm] = ()
    next_action: str | None = None
    record: CaseRecord | None = None
    order: Order | None = None
    rounds: Sequence[ShownRound] = ()
    timeline: Sequence[TimelineEntry] = ()
    reasons: Sequence[Reason] = ()
    reports: Sequence[ShownReport] = ()
    photos: Sequence[PhotoGroup] = ()
    lights: Sequence[LimitLight] = ()


async def find_visible_case(site: Site, context: RequestContext) -> CaseSummary:
    """Return the case of the address; refuse one that the person may not see as if there were none."""
    summary = await queries.find_case(site.pool, str(context.request.path_params["case_id"]))
    if summary is None or not may_see(context.person, summary):
        raise PageRefused(404)
    return summary


async def load_forms(site: Site, context: RequestContext, case_id: str) -> list[ActionForm]:
    """Return the forms of what the person may do now, and the reasons of what not."""
    answer = await site.services.get("dispatch", f"/v1/cases/{case_id}/actions", context.person)
    if not answer.ok or not isinstance(answer.body, dict):
        return []
    forms = parse_forms(answer.body, context.language)
    if (city := (await site.packs.current()).get(context.person.city)) is None:
        return forms
    return await with_colleagues(site.pool, forms, context.person, city, translations(context.language).gettext)


async def load_offers(
    site: Site, context: RequestContext, summaries: Sequence[CaseSummary], kinds: Sequence[str] = ()
) -> list[CaseOffer]:
    """Return what the person may do with each of these cases, of these kinds or any, by one question to dispatch."""
    body = {"case_ids": [each.case_id for each in summaries], "kinds": kinds}
    answer = await site.services.post("dispatch", "/v1/cases/actions/lookup", context.person, body)
    if not answer.ok:
        raise ServiceUnavailable("dispatch")
    offers = {each["case_id"]: _offer(each, context.language) for each in answer.body["cases"]}
    return [offers.get(each.case_id, CaseOffer(())) for each in summaries]


def _offer(body: dict[str, Any], language: Language) -> CaseOffer:
    item = body.get("order") or {}
    return CaseOffer(parse_forms(body, language), parse_order(item), str(item.get("status", "")), parse_rounds(item))


async def load_case_page(
    site: Site, context: RequestContext, summary: CaseSummary, filled: ActionForm | None = None
) -> CasePage:
    """Return a case's page; ``filled`` takes the place of the form that it is."""
    view = await open_city(site, context, summary.city)
    page = CasePage(
        summary=summary,
        names=view.names,
        times=view.times,
        map=_map(view, summary, [], site.map_tiles),
        filled=filled,
    )
    path = f"/v1/cases/{summary.case_id}"
    try:
        answer, forms = await asyncio.gather(
            site.services.get("dispatch", path, context.person), load_forms(site, context, summary.case_id)
        )
    except ServiceUnavailable:
        return replace(page, unavailable=True)
    body = answer.body if answer.ok and isinstance(answer.body, dict) else {}
    is_reviewer = any(form.kind == "review" and form.allowed for form in forms)
    following = "review" if is_reviewer else next_action(summary.status, summary.row_id)
    ordered = sorted(forms, key=lambda each: each.kind != following)
    page = replace(page, forms=[_merged(each, filled) for each in ordered], next_action=following)
    if context.person.department is not None:
        order = parse_order(body)
        if order is None:
            return page
        return _with_order(site, view, replace(page, rounds=parse_rounds(body)), order)
    record = parse_record(body)
    return await _with_record(site, view, page, record) if record is not None else page


def _merged(form: ActionForm, filled: ActionForm | None) -> ActionForm:
    if filled is None or filled.kind != form.kind:
        return form
    return replace(form, values=filled.values, errors=filled.errors, confirmed=filled.confirmed)


def _with_order(site: Site, view: CityView, page: CasePage, order: Order) -> CasePage:
    """Return what a department sees: its order, with the reports and their photos."""
    reports = reports_of_order(order, page.summary)
    return replace(
        page,
        order=order,
        reports=reports,
        photos=photos_of_order(reports),
        map=_map(view, page.summary, reports, site.map_tiles),
    )


async def _with_record(site: Site, view: CityView, page: CasePage, record: CaseRecord) -> CasePage:
    """Return what staff see: everything, in sentences."""
    translate = translations(view.names.language).gettext
    packs = {version: await site.packs.find(version) for version in sorted(cited_versions(record))}
    reports = reports_of_case(record.state, record.events)
    return replace(
        page,
        record=record,
        lights=limit_lights(record.state, view.times.now),
        timeline=list(TimelineBuilder(translate, view.names).timeline(record.events)),
        reasons=list(Reasons(translate, view.times, packs, view.names).reasons(record)),
        reports=reports,
        photos=photos_of_case(record, reports),
        map=_map(view, page.summary, reports, site.map_tiles, done_at(record.events)),
    )


def cited_versions(record: CaseRecord) -> set[str]:
    """Return the versions of the pack by which a case was opened, decided and placed."""
    state = record.state
    opened = {record.events[0].state.city_version} if record.events else set()
    placed = {each.placed_by.city_version for each in state.assignments}
    return {state.city_version, *opened, *placed, *(each.city_version for each in record.receipts)}


def done_at(events: Sequence[CaseEvent]) -> Point | None:
    """Return where the work was done that was finished last, if that is known."""
    finished = next((each for each in reversed(events) if isinstance(each, CaseFinished)), None)
    return place_of_work(finished) if finished is not None else None


def _map(
    view: CityView, summary: CaseSummary, reports: Sequence[ShownReport], tiles: str | None, done: Point | None = None
) -> CaseMap | None:
    """Return the drawing of where a case is; None where that is unknown, or is in the vault."""
    if summary.latitude is None or summary.longitude is None or summary.confidential:
        return None
    spots = [(each.number, each.at) for each in reports if each.at is not None]
    return draw_case(view.city, (summary.longitude, summary.latitude), spots, tiles, done)
