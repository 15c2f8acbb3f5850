"""Where one is signed in, and ending it there."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar
from zoneinfo import ZoneInfo

from starlette.responses import Response
from starlette.routing import BaseRoute

from paidan_chassis.clock import real_now
from paidan_cockpit import sessions
from paidan_cockpit.pages.cookies import delete_session_cookie
from paidan_cockpit.pages.renderer import PageValues
from paidan_cockpit.pages.request_context import PageRefused, RequestContext
from paidan_cockpit.pages.site import Site, see_other
from paidan_cockpit.pages.times import CityTimes
from paidan_contracts.city import City
from paidan_contracts.city.pack_types import Names


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionsPage(PageValues):
    """The sessions that a person may end."""

    template: ClassVar[str] = "sessions.html"

    own: Sequence[sessions.OpenSession]
    others: Sequence[sessions.OpenSession]
    runs_the_system: bool
    times: CityTimes
    done: str


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

    async def _show(self, context: RequestContext) -> Response:
        person = context.person
        listed = await sessions.list_sessions(self._site.pool, person, self._site.accounts.terms)
        packs = await self._site.packs.current()
        city = packs.get(person.city) or next(iter(packs.values()), None)
        # Without any pack sessions can be ended all the same.
        times = CityTimes(city.zone if city else ZoneInfo("UTC"), real_now(), context.language, city)
        listed = [replace(each, post_names=_post_names(packs.get(each.city), each.post)) for each in listed]
        page = SessionsPage(
            own=[each for each in listed if each.person_id == person.person_id],
            others=[each for each in listed if each.person_id != person.person_id],
            runs_the_system=sessions.runs_the_system(person),
            times=times,
            done=context.request.query_params.get("done", ""),
        )
        return self._site.show(context, page)

    async def _end(self, context: RequestContext) -> Response:
        await context.form()
        try:
            session_id = uuid.UUID(str(context.request.path_params["session_id"]))
        except ValueError:
            raise PageRefused(404) from None
        if not await sessions.end_session(self._site.pool, context.person, session_id, context.address):
            raise PageRefused(404)
        assert context.session is not None  # noqa: S101 - the form belongs to one
        if session_id != context.session.session_id:
            return see_other("/sessions?done=ended")
        response = see_other("/sign-in")
        delete_session_cookie(response, context.request)
        return response


def _post_names(city: City | None, post: str) -> Names | None:
    """Return the names that a pack gives a post."""
    found = city.posts.get(post) if city else None
    return found.names if found else None
