"""Signing in by a link that is used once, and out again."""

import re
from typing import Final

from starlette.responses import Response
from starlette.routing import BaseRoute

from paidan_cockpit.pages.site import Site, see_other
from paidan_cockpit.pages.visit import Visit, delete_session_cookie, read_form, set_session_cookie
from paidan_cockpit.rights import pages_of

_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")


class SignInPages:
    """``/``, ``/sign-in``, ``/sign-out``."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[BaseRoute]:
        """Return these routes."""
        site = self._site
        return [
            site.open_page("/", self._home),
            site.open_page("/sign-in", self._explain),
            site.open_page("/sign-in", self._sign_in, "POST"),
            site.open_page("/sign-in/{token}", self._confirm),
            site.open_page("/sign-out", self._sign_out, "POST"),
        ]

    async def _home(self, visit: Visit) -> Response:
        if visit.session is None:
            return see_other("/sign-in")
        first = next(pages_of(visit.person), None)
        return see_other(f"/{first}") if first else self._site.error(visit, 403, "no_page")

    async def _explain(self, visit: Visit) -> Response:
        return self._site.show(visit, "sign_in.html", {"holder": None, "token": "", "refused": False})

    async def _confirm(self, visit: Visit) -> Response:
        """Ask before the link is used up: programs that preview links in messages open them, too."""
        token = str(visit.request.path_params["token"])
        holder = await self._site.accounts.find_link(token) if _TOKEN.fullmatch(token) else None
        values = {"holder": holder, "token": token if holder else "", "refused": holder is None}
        return self._site.show(visit, "sign_in.html", values, 200 if holder else 410)

    async def _sign_in(self, visit: Visit) -> Response:
        token = (await read_form(visit.request)).fields.get("token", "")
        secret = await self._site.accounts.sign_in(token, visit.address) if _TOKEN.fullmatch(token) else None
        if secret is None:
            return self._site.show(visit, "sign_in.html", {"holder": None, "token": "", "refused": True}, 410)
        if visit.session is not None:
            await self._site.accounts.sign_out(visit.session.session_id, visit.address)
        response = see_other("/")
        set_session_cookie(response, visit.request, secret)
        return response

    async def _sign_out(self, visit: Visit) -> Response:
        if visit.session is not None:
            await visit.form()
            await self._site.accounts.sign_out(visit.session.session_id, visit.address)
        response = see_other("/sign-in")
        delete_session_cookie(response, visit.request)
        return response
