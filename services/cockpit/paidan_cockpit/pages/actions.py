"""Actions on a case: a filled form becomes a request to dispatch, in the person's name; mistakes stand at fields."""

import asyncio
import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from paidan_cockpit.pages import queries
from paidan_cockpit.pages.action_forms import ActionForm, errors_at, request_body
from paidan_cockpit.pages.call_answers import CONFIRMED, strange_answer
from paidan_cockpit.pages.case_page import CasePage, find_visible_case, load_case_page, load_forms
from paidan_cockpit.pages.case_summary import CaseSummary
from paidan_cockpit.pages.colleagues import errors_of_person
from paidan_cockpit.pages.done_texts import deed_of, done_text
from paidan_cockpit.pages.form_checks import errors_of_fields
from paidan_cockpit.pages.labels import label
from paidan_cockpit.pages.marked_texts import N_
from paidan_cockpit.pages.request_context import FilledForm, PageRefused, RequestContext
from paidan_cockpit.pages.site import Site, see_other
from paidan_cockpit.services_client import ServiceAnswer, message_in
from paidan_cockpit.settings import Language
from paidan_cockpit.translations import translations

_WAIT_S: Final = 3.0
_POLL_S: Final = 0.1
SENT_BEFORE: Final = N_(
    "This form was sent before with other words, and what was sent first counts. Look at the case; to change what was"
    " recorded, send this again."
)
_KEY: Final = re.compile(r"[0-9a-f-]{36}")
_BACK: Final = re.compile(r"/(desk|inspection|verification|callbacks)(\?city=[a-z0-9][a-z0-9_-]{0,62})?")

OVERTAKEN: Final = N_("This is no longer possible, and nothing of it was done: the case is “{status}” now.")
LAST_STEP: Final = N_("Its last step, {time}, {actor}: {sentence}")


@dataclass(frozen=True, slots=True)
class FormRefusal:
    """Why a form was not taken, at its fields; ``overtaken``: the case had moved on meanwhile."""

    errors: Mapping[str, str]
    overtaken: bool = False


class ActionPages:
    """``/cases/{case_id}/actions/{kind}``."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[BaseRoute]:
        """Return these routes."""
        return [self._site.page("/cases/{case_id}/actions/{kind}", self._act, "case", "POST")]

    async def _act(self, context: RequestContext) -> Response:
        summary = await find_visible_case(self._site, context)
        filled = await context.form(with_photos=True)
        kind = str(context.request.path_params["kind"])
        forms = await load_forms(self._site, context, summary.case_id)
        form = next((each for each in forms if each.kind == kind), None)
        if form is None:
            raise PageRefused(404)
        form = replace(form, values=filled.fields, confirmed=strange_answer(filled.fields))
        translate = translations(context.language).gettext
        errors = errors_of_fields(form, filled.fields, len(filled.files), translate)
        errors = errors or errors_of_person(form, filled.fields, context.person.department, translate)
        # What is not allowed now may repeat what was: dispatch knows by the id.
        if errors and form.allowed:
            return await self._refused(context, summary, form, FormRefusal(errors))
        key = filled.fields.get("key", "")
        return await self._send(context, summary, form, filled, key if _KEY.fullmatch(key) else str(uuid.uuid4()))

    async def _send(
        self, context: RequestContext, summary: CaseSummary, form: ActionForm, filled: FilledForm, key: str
    ) -> Response:
        photos = []
        for content in filled.files:
            query = {"case_id": summary.case_id}
            stored = await self._site.services.upload("intake", "/v1/photos", context.person, content, query)
            if not stored.ok:
                unread = FormRefusal({"action.proof": stored.message(context.language)})
                return await self._refused(context, summary, form, unread)
            photos.append(stored.body["ref"])
        body = request_body(form, filled.fields, photos)
        path, headers = f"/v1/cases/{summary.case_id}/actions", {"Idempotency-Key": key}
        # Photos dispatch may not have read yet.
        if form.allowed and not photos:
            tried = await self._site.services.post("dispatch", f"{path}?dry-run=true", context.person, body, headers)
            if refusal := _refusal_of(tried, form, context.language):
                return await self._refused(context, summary, form, refusal)
        answer = await self._site.services.post("dispatch", path, context.person, body, headers)
        if refusal := _refusal_of(answer, form, context.language):
            return await self._refused(context, summary, form, refusal)
        outcome = await self._await_outcome(context, answer.body["action_id"])
        if outcome is not None and outcome["result"] == "refused":
            return await self._refused(context, summary, form, _refusal_in(outcome, form, context.language))
        if outcome is not None:
            await queries.wait_for_versions(self._site.pool, {summary.case_id: outcome.get("case_version") or 0})
        return self._done(context, summary, form, "applied" if outcome is not None else "taken")

    def _done(self, context: RequestContext, summary: CaseSummary, form: ActionForm, done: str) -> Response:
        deed = deed_of(form.kind, form.values)
        if context.wants_json:
            said = done_text(deed, translations(context.language).gettext)
            return JSONResponse({"result": done, "said": said, "deed": deed})
        return see_other(_next_page(form.values, summary, done, deed))

    async def _await_outcome(self, context: RequestContext, action_id: str) -> dict[str, Any] | None:
        """Return what became of an action; None if that is not decided soon."""
        deadline = time.monotonic() + _WAIT_S
        while time.monotonic() < deadline:
            answer = await self._site.services.get("dispatch", f"/v1/actions/{action_id}", context.person)
            if answer.ok and isinstance(answer.body, dict):
                return answer.body
            await asyncio.sleep(_POLL_S)
        return None

    async def _refused(
        self, context: RequestContext, summary: CaseSummary, form: ActionForm, refusal: FormRefusal
    ) -> Response:
        if context.wants_json and not refusal.overtaken:
            return JSONResponse({"result": "refused", "errors": dict(refusal.errors), CONFIRMED: form.confirmed}, 422)
        filled = replace(form, errors=refusal.errors)
        page = await load_case_page(self._site, context, summary, filled)
        if refusal.overtaken:
            known = page.record.state.version if page.record else page.order.version if page.order else 0
            await queries.wait_for_versions(self._site.pool, {summary.case_id: known})
            summary = await find_visible_case(self._site, context)
            filled = replace(form, errors={"": overtaken_text(replace(page, summary=summary), context.language)})
            page = await load_case_page(self._site, context, summary, filled)
        if context.wants_json:
            return JSONResponse({"result": "refused", "errors": dict(filled.errors), "overtaken": True}, 422)
        return self._site.show_with_map(context, page, 422)


def overtaken_text(page: CasePage, language: Language) -> str:
    """Return why a form came too late: how the case is now, and of its last step, who made it, when and what."""
    translate = translations(language).gettext
    order_status = label(translate, "status", page.summary.status)
    told = translate(OVERTAKEN).format(status=order_status)
    if not page.timeline:
        return told
    last = page.timeline[-1]
    step = translate(LAST_STEP).format(time=page.times.exact(last.at), actor=last.actor, sentence=last.sentence)
    return f"{told} {step}"


def _refusal_of(answer: ServiceAnswer, form: ActionForm, language: Language) -> FormRefusal | None:
    """Return why a request was refused by its answer, also one that was only tried; None if it was not."""
    if answer.code == "id_reused":
        return FormRefusal({"": translations(language).gettext(SENT_BEFORE)})
    if not answer.ok:
        return FormRefusal(errors_at(form, answer.field, answer.message(language)))
    is_refused = isinstance(answer.body, dict) and answer.body.get("result") == "refused"
    return _refusal_in(answer.body, form, language) if is_refused else None


def _refusal_in(outcome: Mapping[str, Any], form: ActionForm, language: Language) -> FormRefusal:
    why = outcome.get("why") or {}
    is_overtaken = why.get("code") == "not_allowed_in_state"
    return FormRefusal(errors_at(form, why.get("field"), message_in(why, language)), is_overtaken)


def _next_page(fields: Mapping[str, str], summary: CaseSummary, done: str, deed: str) -> str:
    """Return the page that says what was done: that of ours to which the form leads back, or else the case's."""
    back, said = fields.get("back", ""), f"done={done}" + (f"&deed={deed}" if deed else "")
    if not _BACK.fullmatch(back):
        return f"/cases/{summary.case_id}?{said}"
    return f"{back}{'&' if '?' in back else '?'}{said}&case={summary.number}"
