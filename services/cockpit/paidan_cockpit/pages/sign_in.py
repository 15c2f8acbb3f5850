"""Signing in by a link that is used once, and out again."""

import re
from dataclasses import dataclass
from typing import ClassVar, Final
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import BaseRoute

from paidan_cockpit.accounts import LinkHolder
from paidan_cockpit.pages.attempts import AttemptLimit
from paidan_cockpit.pages.cookies import delete_session_cookie, forget_wanted_page, set_session_cookie, wanted_page_of
from paidan_cockpit.pages.provider import START_PATH, Provider, ProviderPages
from paidan_cockpit.pages.renderer import PageValues
from paidan_cockpit.pages.request_context import PageRefused, RequestContext, local_path, own_address, read_form
from paidan_cockpit.pages.site import Site, see_other
from paidan_cockpit.rights import pages_of
from paidan_cockpit.saved_views import find_first

_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_MAX_SIGN_IN_BYTES: Final = 10_000
"""Of a form that anybody may send."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInPage(PageValues):
    """How to sign in; with the ``holder`` of a link that still holds, the question whether to use it."""

    template: ClassVar[str] = "sign_in.html"

    holder: LinkHolder | None
    token: str
    refused: bool
    start_at_provider: str | None
    end_at_provider: str | None


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

    async def _home(self, context: RequestContext) -> Response:
        if context.session is None:
            return see_other("/sign-in")
        if (
            context.person.may_open("queues")
            and (view := await find_first(self._site.pool, context.person)) is not None
        ):
            return see_other(f"/queues?{view}")
        first = next(pages_of(context.person), None)
        return see_other(f"/{first}") if first else self._site.error(context, 403, "no_page")

    async def _explain(self, context: RequestContext) -> Response:
        end_at_provider = None
        if self._provider is not None and "out" in context.request.query_params:
            back = own_address(context.request) + "/sign-in"
            end_at_provider = await self._provider.client.end_session_address(back)
        return self._site.show(context, self._page(context, end_at_provider=end_at_provider))

    def _page(
        self,
        context: RequestContext,
        *,
        holder: LinkHolder | None = None,
        token: str = "",
        refused: bool = False,
        end_at_provider: str | None = None,
    ) -> SignInPage:
        start = None
        if self._provider is not None:
            start = f"{START_PATH}?{urlencode({'next': local_path(context.request.query_params.get('next', ''))})}"
        return SignInPage(
            holder=holder,
            token=token,
            refused=refused,
            start_at_provider=start,
            end_at_provider=end_at_provider,
        )

    async def _confirm(self, context: RequestContext) -> Response:
        """Ask before the link is used up: programs that preview links in messages open them, too."""
        token = str(context.request.path_params["token"])
        holder = await self._site.accounts.find_link(token) if _TOKEN.fullmatch(token) else None
        if holder is None:
            return self._refuse(context)
        return self._site.show(context, self._page(context, holder=holder, token=token))

    async def _sign_in(self, context: RequestContext) -> Response:
        token = (await read_form(context.request, _MAX_SIGN_IN_BYTES)).fields.get("token", "")
        if not self._limit.allows(context.address) and await self._site.accounts.find_link(token) is None:
            raise PageRefused(429, "too_many_tries")
        secret = await self._site.accounts.sign_in(token, context.address) if _TOKEN.fullmatch(token) else None
        if secret is None:
            return self._refuse(context)
        if context.session is not None:
            await self._site.accounts.sign_out(context.session.session_id, context.address)
        response = see_other(wanted_page_of(context.request))
        forget_wanted_page(response, context.request)
        set_session_cookie(response, context.request, secret)
        return response

    async def _sign_out(self, context: RequestContext) -> Response:
        if context.session is not None:
            await context.form()
            await self._site.accounts.sign_out(context.session.session_id, context.address)
        response = see_other("/sign-in?out=1" if self._provider and context.session else "/sign-in")
        delete_session_cookie(response, context.request)
        return response

    def _refuse(self, context: RequestContext) -> Response:
        """Count a link that holds no more. Those that do hold are never limited: many may share an address."""
        if not self._limit.spend(context.address):
            raise PageRefused(429, "too_many_tries")
        return self._site.show(context, self._page(context, refused=True), 410)
