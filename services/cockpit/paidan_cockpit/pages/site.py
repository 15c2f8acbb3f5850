"""The site: every page's way from request to response. Sessions, rights, languages, headers and errors are here."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import ClassVar, Final, Literal
from urllib.parse import quote, urlsplit

import asyncpg
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from paidan_chassis.clock import Clock
from paidan_chassis.database import Pool, is_transient
from paidan_chassis.edge.scope_keys import ROUTE_KEY
from paidan_cockpit.accounts import Accounts, Session
from paidan_cockpit.city_packs import PackCache
from paidan_cockpit.pages.cookies import remember_wanted_page, session_cookie_of, set_preference
from paidan_cockpit.pages.latest_city import LatestCity
from paidan_cockpit.pages.refusals import refusal_text
from paidan_cockpit.pages.renderer import PageValues, Renderer
from paidan_cockpit.pages.request_context import (
    LANGUAGE_COOKIE,
    THEME_COOKIE,
    THEMES,
    PageRefused,
    RequestContext,
    read_language,
    read_theme,
    requested_path,
    require_own_site,
)
from paidan_cockpit.rights import Page
from paidan_cockpit.services_client import ServicesClient, ServiceUnavailable
from paidan_cockpit.settings import Language
from paidan_cockpit.translations import LANGUAGES, translations

CONTENT_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_ISOLATION: Final = {"cross-origin-opener-policy": "same-origin", "cross-origin-resource-policy": "same-origin"}
"""A site that opened or embedded a page learns nothing of it: not how many frames it has, nor how large a photo is."""
_PREFERENCES: Final = {
    "lang": (LANGUAGE_COOKIE, frozenset(LANGUAGES)),
    "theme": (THEME_COOKIE, frozenset(THEMES)),
}
Method = Literal["GET", "POST"]
Handler = Callable[[RequestContext], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorPage(PageValues):
    """Why a page is not shown."""

    template: ClassVar[str] = "error.html"

    status: int
    why: str


@dataclass(frozen=True, slots=True)
class Site:
    """What pages are made from."""

    pool: Pool
    packs: PackCache
    clock: Clock
    accounts: Accounts
    services: ServicesClient
    renderer: Renderer
    latest_city: LatestCity
    default_language: Language
    map_tiles: str | None = None
    """Address of map tiles with {z}, {x} and {y}; None: maps show borders and cases alone."""
    has_provider: bool = False
    """Whether persons may sign in at a provider, after which they are where they wanted to go."""

    def page(self, path: str, handler: Handler, page: Page, method: Method = "GET") -> BaseRoute:
        """Return the route of a page for signed-in persons who may open it; 404 for others."""

        async def open_to_its_readers(context: RequestContext) -> Response:
            if not context.person.may_open(page):
                raise PageRefused(404)
            return await handler(context)

        return self.own_page(path, open_to_its_readers, method)

    def own_page(self, path: str, handler: Handler, method: Method = "GET") -> BaseRoute:
        """Return the route of a page for everybody who has signed in."""

        async def open_to_the_signed_in(context: RequestContext) -> Response:
            return self._to_sign_in(context) if context.session is None else await handler(context)

        return self.open_page(path, open_to_the_signed_in, method)

    def open_page(self, path: str, handler: Handler, method: Method = "GET") -> BaseRoute:
        """Return the route of a page that needs no session."""

        async def endpoint(request: Request) -> Response:
            request.scope[ROUTE_KEY] = path
            if method == "GET" and (chosen := _chosen_preference(request)) is not None:
                return chosen
            context = RequestContext(request, read_language(request, self.default_language), read_theme(request), None)
            try:
                if method == "POST":
                    require_own_site(request)
                context = RequestContext(request, context.language, context.theme, await self._session_of(request))
                response = await handler(context)
            except PageRefused as refused:
                response = self.error(context, refused.status, refused.reason)
            except ServiceUnavailable as error:
                response = self.error(context, 503, f"no_answer_{error.service}")
            except asyncpg.DataError:
                # NUL, or a number out of range: whatever was sent, only the database detects it.
                response = self.error(context, 422, "unstorable")
            except Exception as error:
                if not is_transient(error):
                    raise
                response = self.error(context, 503, "no_database")
            response.headers.setdefault("content-security-policy", CONTENT_POLICY)
            # With no referrer at all, browsers name no origin of a form either, by which it is known as ours.
            response.headers.setdefault("referrer-policy", "same-origin")
            response.headers.update(_ISOLATION)
            return response

        return Route(path, endpoint, methods=[method], include_in_schema=False)

    def show(self, context: RequestContext, values: PageValues, status: int = 200) -> Response:
        """Return a page from its template."""
        return HTMLResponse(self.renderer.render(context, values), status)

    def show_with_map(self, context: RequestContext, values: PageValues, status: int = 200) -> Response:
        """Return a page whose map may have pictures of the world from another host."""
        response = self.show(context, values, status)
        if self.map_tiles:
            response.headers["content-security-policy"] = policy_with_tiles(CONTENT_POLICY, self.map_tiles)
        return response

    def error(self, context: RequestContext, status: int, reason: str) -> Response:
        """Return the page that says why another one is not shown; for a script of ours what it shows at its form."""
        why = refusal_text(translations(context.language).gettext, reason)
        if context.wants_json and why and 400 <= status < 500:
            return JSONResponse({"result": "refused", "errors": {"": why}}, status)
        return self.show(context, ErrorPage(status=status, why=why), status)

    def _to_sign_in(self, context: RequestContext) -> Response:
        if _renews_itself(context.request):
            return Response(status_code=401)  # in a part of a page, the sign-in page would be swapped in
        if context.request.method != "GET":
            return see_other("/sign-in")
        wanted = requested_path(context.request)
        response = see_other(f"/sign-in?next={quote(wanted, safe='/')}" if self.has_provider else "/sign-in")
        remember_wanted_page(response, context.request)
        return response

    async def _session_of(self, request: Request) -> Session | None:
        secret = session_cookie_of(request)
        return await self.accounts.find_session(secret, is_seen=not _renews_itself(request)) if secret else None


def policy_with_tiles(policy: str, tiles: str) -> str:
    """Return a Content-Security-Policy that lets pictures come from the address of map tiles, too."""
    parts = urlsplit(tiles)
    return policy.replace("img-src 'self'", f"img-src 'self' {parts.scheme}://{parts.netloc}")


def see_other(path: str) -> Response:
    """Return a redirect to a page of ours, after which a reload sends nothing again."""
    return RedirectResponse(path, 303)


def _renews_itself(request: Request) -> bool:
    """Return whether a part of an open page asks by itself, which shows nobody's presence."""
    return "hx-request" in request.headers


def _chosen_preference(request: Request) -> Response | None:
    """Return the redirect that remembers ``?lang=`` or ``?theme=`` and takes it out of the address."""
    query = request.query_params
    for name, (cookie, values) in _PREFERENCES.items():
        if (value := query.get(name)) in values and value is not None:
            response = see_other(_local_path(request, without=name))
            set_preference(response, request, cookie, value)
            return response
    return None


def _local_path(request: Request, *, without: str) -> str:
    url = request.url.remove_query_params(without)
    return "/" + url.path.lstrip("/") + (f"?{url.query}" if url.query else "")
