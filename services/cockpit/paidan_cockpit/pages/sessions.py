"""Where one is signed in, and ending it there."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo

from starlette.responses import Response
from starlette.routing import BaseRoute

from paidan_chassis.clock import real_now
from paidan_cockpit import sessions
from paidan_cockpit.pages.cookies import delete_session_cookie
from paidan_cockpit.pages.site import Site, see_other
from paidan_cockpit.pages.times import CityTimes
from paidan_cockpit.pages.visit import PageRefused, Visit
from paidan_contracts.city import City
from paidan_contracts.city.pack_types import Names


class SessionPages:
    """``/sessions``: one's own, and of who runs the system everybody's."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[BaseRoute]:
        """Return these routes."""
        return [
            self._site.own_page("/sessions", self._show),
            self._site.own_page("/sessions/{session_id}/end", self._end, "POST"),
        ]

    async def _show(self, visit: Visit) -> Response:
        person = visit.person
        found: Sequence[sessions.OpenSession] = await sessions.list_sessions(
            self._site.pool, person, self._site.accounts.terms
        )
        packs = await self._site.packs.current()
        city = packs.get(person.city) or next(iter(packs.values()), None)
        # Without any pack sessions can be ended all the same.
        times = CityTimes(city.zone if city else ZoneInfo("UTC"), real_now(), visit.language, city)
        found = [replace(each, post_names=_post_names(packs.get(each.city), each.post)) for each in found]
        values = {
            "own": [each for each in found if each.person_id == person.person_id],
            "others": [each for each in found if each.person_id != person.person_id],
            "runs_the_system": sessions.runs_the_system(person),
            "times": times,
            "done": visit.request.query_params.get("done", ""),
        }
        return self._site.show(visit, "sessions.html", values)

    async def _end(self, visit: Visit) -> Response:
        await visit.form()
        try:
            session_id = uuid.UUID(str(visit.request.path_params["session_id"]))
        except ValueError:
            raise PageRefused(404) from None
        if not await sessions.end_session(self._site.pool, visit.person, session_id, visit.address):
            raise PageRefused(404)
        assert visit.session is not None  # noqa: S101 - the form belongs to one
        if session_id != visit.session.session_id:
            return see_other("/sessions?done=ended")
        response = see_other("/sign-in")
        delete_session_cookie(response, visit.request)
        return response


def _post_names(city: City | None, post: str) -> Names | None:
    """Return the names that a pack gives a post."""
    return next((each.names for each in city.pack.posts or () if each.id == post), None) if city else None
