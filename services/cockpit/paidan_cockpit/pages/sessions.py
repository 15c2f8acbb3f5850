"""Where one is signed in, and ending it there."""

import uuid

from starlette.responses import Response
from starlette.routing import BaseRoute

from paidan_chassis.clock import real_now
from paidan_cockpit import sessions
from paidan_cockpit.pages.site import Site, see_other
from paidan_cockpit.pages.times import CityTimes
from paidan_cockpit.pages.visit import PageRefused, Visit, delete_session_cookie


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
        found = await sessions.list_sessions(self._site.pool, person, self._site.accounts.terms)
        packs = await self._site.packs.current()
        city = packs.get(person.city) or next(iter(packs.values()), None)
        if city is None:
            raise PageRefused(404, "no_city")
        times = CityTimes(city.zone, real_now(), visit.language, city)
        values = {
            "own": [each for each in found if each.person_id == person.person_id],
            "others": [each for each in found if each.person_id != person.person_id],
            "runs_the_system": sessions.runs_the_system(person),
            "times": times,
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
            return see_other("/sessions")
        response = see_other("/sign-in")
        delete_session_cookie(response, visit.request)
        return response
