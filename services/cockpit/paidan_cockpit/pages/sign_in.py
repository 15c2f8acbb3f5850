"""Signing in by a link that is used once, and out again."""

import re
from typing import Any, Final
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import BaseRoute

from paidan_cockpit.pages.attempts import AttemptLimit
from paidan_cockpit.pages.cookies import delete_session_cookie, forget_wanted_page, set_session_cookie, wanted_page_of
from paidan_cockpit.pages.provider import START_PATH, Provider, ProviderPages
from paidan_cockpit.pages.site import Site, see_other
from paidan_cockpit.pages.visit import PageRefused, Visit, local_path, own_address, read_form
from paidan_cockpit.rights import pages_of
from paidan_cockpit.saved_views import find_first

_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_MAX_SIGN_IN_BYTES: Final = 10_000
"""Of a form that anybody may send."""


class SignInPages:
    """``/``, ``/sign-in``, ``/sign-out``."""

    def __init__(self, site: Site, provider: Provider | None = None) -> None:
        self._site = site
        self._provider = provider
        self._limit = AttemptLimit(burst=30, refill_s=2)

    def routes(self) -> list[BaseRoute]:
        """Return these routes."""
        site = self._site
        return [
            *(ProviderPages(site, self._provider).routes() if self._provider else ()),
            site.open_page("/", self._home),
            site.open_page("/sign-in", self._explain),
            site.open_page("/sign-in", self._sign_in, "POST"),
            site.open_page("/sign-in/{token}", self._confirm),
            site.open_page("/sign-out", self._sign_out, "POST"),
        ]

    async def _home(self, visit: Visit) -> Response:
        if visit.session is None:
            return see_other("/sign-in")
        if visit.person.may_open("queues") and (view := await find_first(self._site.pool, visit.person)) is not None:
            return see_other(f"/queues?{view}")
        first = next(pages_of(visit.person), None)
        return see_other(f"/{first}") if first else self._site.error(visit, 403, "no_page")

    async def _explain(self, visit: Visit) -> Response:
        values: dict[str, Any] = {"refused": False, "end_at_provider": None}
        if self._provider is not None and "out" in visit.request.query_params:
            back = own_address(visit.request) + "/sign-in"
            values["end_at_provider"] = await self._provider.client.end_session_address(back)
        return self._show(visit, values)

    def _show(self, visit: Visit, values: dict[str, Any], status: int = 200) -> Response:
        start = None
        if self._provider is not None:
            start = f"{START_PATH}?{urlencode({'next': local_path(visit.request.query_params.get('next', ''))})}"
        common = {"holder": None, "token": "", "start_at_provider": start, "end_at_provider": None}
        return self._site.show(visit, "sign_in.html", common | values, status)

    async def _confirm(self, visit: Visit) -> Response:
        """Ask before the link is used up: programs that preview links in messages open them, too."""
        token = str(visit.request.path_params["token"])
        holder = await self._site.accounts.find_link(token) if _TOKEN.fullmatch(token) else None
        if holder is None:
            return self._refuse(visit)
        return self._show(visit, {"holder": holder, "token": token, "refused": False})

    async def _sign_in(self, visit: Visit) -> Response:
        token = (await read_form(visit.request, _MAX_SIGN_IN_BYTES)).fields.get("token", "")
        if not self._limit.allows(visit.address) and await self._site.accounts.find_link(token) is None:
            raise PageRefused(429, "too_many_tries")
        secret = await self._site.accounts.sign_in(token, visit.address) if _TOKEN.fullmatch(token) else None
        if secret is None:
            return self._refuse(visit)
        if visit.session is not None:
            await self._site.accounts.sign_out(visit.session.session_id, visit.address)
        response = see_other(wanted_page_of(visit.request))
        forget_wanted_page(response, visit.request)
        set_session_cookie(response, visit.request, secret)
        return response

    async def _sign_out(self, visit: Visit) -> Response:
        if visit.session is not None:
            await visit.form()
            await self._site.accounts.sign_out(visit.session.session_id, visit.address)
        response = see_other("/sign-in?out=1" if self._provider and visit.session else "/sign-in")
        delete_session_cookie(response, visit.request)
        return response

    def _refuse(self, visit: Visit) -> Response:
        """Count a link that holds no more. Those that do hold are never limited: many may share an address."""
        if not self._limit.spend(visit.address):
            raise PageRefused(429, "too_many_tries")
        return self._show(visit, {"refused": True}, 410)
