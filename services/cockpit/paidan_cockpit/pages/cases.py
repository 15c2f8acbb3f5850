"""A case: its history in words, why it is where it is, its reports, its photos, and what may be done."""

import re
from typing import Final
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import BaseRoute

from paidan_cockpit.case_rows import number_of
from paidan_cockpit.pages.case_story import find_visible_case, load_story, show_case
from paidan_cockpit.pages.site import Site, see_other
from paidan_cockpit.pages.visit import PageRefused, Visit

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

    async def _show(self, visit: Visit) -> Response:
        notice = visit.request.query_params.get("done", "")
        try:
            found = await find_visible_case(self._site, visit)
        except PageRefused:
            if notice in _NOTICES and visit.person.department is not None:
                return see_other(_desk_page(visit, notice))
            raise
        values = await load_story(self._site, visit, found)
        return show_case(self._site, visit, values | {"notice": notice if notice in _NOTICES else ""})

    async def _show_photo(self, visit: Visit) -> Response:
        """Return a photo that intake lets this person see."""
        await find_visible_case(self._site, visit)
        ref = str(visit.request.path_params["ref"])
        if not _PHOTO.fullmatch(ref):
            raise PageRefused(404)
        answer = await self._site.services.get("intake", f"/v1/photos/{ref}", visit.person)
        if not answer.ok:
            raise PageRefused(404)
        headers = {"cache-control": "private, no-store"}
        return Response(answer.content, media_type="image/jpeg", headers=headers)


def _desk_page(visit: Visit, notice: str) -> str:
    """Return the desk of a department that acted on a case, and by that lost it, as by a return."""
    done = "taken" if notice == "taken" else "applied"
    return "/desk?" + urlencode({"done": done, "case": number_of(str(visit.request.path_params["case_id"]))})
