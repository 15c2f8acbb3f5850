"""Actions on a case: a filled form becomes a request to dispatch, in the person's name; mistakes stand at fields."""

import asyncio
import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from paidan_cockpit.pages import queries
from paidan_cockpit.pages.action_forms import ActionForm, errors_at, request_body
from paidan_cockpit.pages.call_answers import CONFIRMED, errors_of_call, strange_answer
from paidan_cockpit.pages.case_page import find_visible_case, load_case_page, load_forms
from paidan_cockpit.pages.case_summary import CaseSummary
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
_BACK: Final = re.compile(r"/(desk|inspection|callbacks)(\?city=[a-z0-9][a-z0-9_-]{0,62})?")


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
        form = replace(form, values=filled.fields)
        if kind == "call_back" and form.allowed:
            form = replace(form, confirmed=strange_answer(filled.fields))
            if errors := errors_of_call(filled.fields, translations(context.language).gettext):
                return await self._refused(context, summary, form, errors)
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
                return await self._refused(context, summary, form, {"action.proof": stored.message(context.language)})
            photos.append(stored.body["ref"])
        body = request_body(form, filled.fields, photos)
        path, headers = f"/v1/cases/{summary.case_id}/actions", {"Idempotency-Key": key}
        # What is not allowed now may repeat what was: dispatch knows by the id. Photos it may not have read yet.
        if form.allowed and not photos:
            tried = await self._site.services.post("dispatch", f"{path}?dry-run=true", context.person, body, headers)
            if errors := _errors_of(tried, form, context.language):
                return await self._refused(context, summary, form, errors)
        answer = await self._site.services.post("dispatch", path, context.person, body, headers)
        if errors := _errors_of(answer, form, context.language):
            return await self._refused(context, summary, form, errors)
        outcome = await self._await_outcome(context, answer.body["action_id"])
        if outcome is not None and outcome["result"] == "refused":
            return await self._refused(context, summary, form, _errors_of_outcome(outcome, form, context.language))
        if outcome is not None:
            await queries.wait_for_versions(self._site.pool, {summary.case_id: outcome.get("case_version") or 0})
        done = "applied" if outcome is not None else "taken"
        if context.wants_json:
            return JSONResponse({"result": done})
        return see_other(_next_page(filled.fields, summary, done))

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
        self, context: RequestContext, summary: CaseSummary, form: ActionForm, errors: Mapping[str, str]
    ) -> Response:
        if context.wants_json:
            told = {"result": "refused", "errors": dict(errors), CONFIRMED: form.confirmed}
            return JSONResponse(told, 422)
        page = await load_case_page(self._site, context, summary, replace(form, errors=errors))
        return self._site.show_with_map(context, page, 422)


def _errors_of(answer: ServiceAnswer, form: ActionForm, language: Language) -> Mapping[str, str]:
    """Return what is wrong with a request by its answer, also of one that was only tried; empty for nothing."""
    if answer.code == "id_reused":
        return {"": translations(language).gettext(SENT_BEFORE)}
    if not answer.ok:
        return errors_at(form, answer.field, answer.message(language))
    is_refused = isinstance(answer.body, dict) and answer.body.get("result") == "refused"
    return _errors_of_outcome(answer.body, form, language) if is_refused else {}


def _errors_of_outcome(outcome: Mapping[str, Any], form: ActionForm, language: str) -> Mapping[str, str]:
    why = outcome.get("why") or {}
    return errors_at(form, why.get("field"), message_in(why, language))


def _next_page(fields: Mapping[str, str], summary: CaseSummary, done: str) -> str:
    """Return the page that says what was done: that of ours to which the form leads back, or else the case's."""
    back = fields.get("back", "")
    if not _BACK.fullmatch(back):
        return f"/cases/{summary.case_id}?done={done}"
    return f"{back}{'&' if '?' in back else '?'}done={done}&case={summary.number}"
