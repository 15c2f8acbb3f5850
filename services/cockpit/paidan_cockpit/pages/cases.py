"""A case: its history in sentences, why it is where it is, its reports, its photos, and what may be done."""

import re
from dataclasses import replace
from typing import Final
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import BaseRoute

from paidan_cockpit.case_rows import number_of
from paidan_cockpit.pages.case_page import find_visible_case, load_case_page
from paidan_cockpit.pages.request_context import PageRefused, RequestContext
from paidan_cockpit.pages.site import Site, see_other

_PHOTO: Final = re.compile(r"[0-9a-f]{64}\.jpg")
_NOTICES: Final = frozenset({"applied", "applied-without-position", "taken"})


class CasePages:
    """``/cases/{case_id}`` and the photos on it."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[BaseRoute]:
        """Return these routes."""
        return [
            self._site.page("/cases/{case_id}", self._show, "case"),
            self._site.page("/cases/{case_id}/photos/{ref}", self._show_photo, "case"),
        ]

    async def _show(self, context: RequestContext) -> Response:
        notice, deed = (context.request.query_params.get(each, "") for each in ("done", "deed"))
        try:
            summary = await find_visible_case(self._site, context)
        except PageRefused:
            if notice in _NOTICES and context.person.department is not None:
                return see_other(_desk_page(context, notice, deed))
            raise
        page = await load_case_page(self._site, context, summary)
        return self._site.show_with_map(context, replace(page, notice=notice if notice in _NOTICES else "", deed=deed))

    async def _show_photo(self, context: RequestContext) -> Response:
        """Return a photo that intake lets this person see."""
        await find_visible_case(self._site, context)
        ref = str(context.request.path_params["ref"])
        if not _PHOTO.fullmatch(ref):
            raise PageRefused(404)
        answer = await self._site.services.get("intake", f"/v1/photos/{ref}", context.person)
        if not answer.ok:
            raise PageRefused(404)
        headers = {"cache-control": "private, no-store"}
        return Response(answer.content, media_type="image/jpeg", headers=headers)


def _desk_page(context: RequestContext, notice: str, deed: str) -> str:
    """Return the desk of a department that acted on a case, and by that lost it, as by a return."""
    done = "taken" if notice == "taken" else "applied"
    return "/desk?" + urlencode(
        {"done": done, "deed": deed, "case": number_of(str(context.request.path_params["case_id"]))}
    )
