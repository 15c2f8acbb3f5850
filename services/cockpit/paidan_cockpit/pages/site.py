"""The site: every page's way from request to response. Sessions, rights, languages, headers and errors are here."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import quote

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
from paidan_cockpit.pages.renderer import Renderer
from paidan_cockpit.pages.visit import (
    LANGUAGE_COOKIE,
    THEME_COOKIE,
    THEMES,
    PageRefused,
    Visit,
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
_PREFERENCES: Final = {
    "lang": (LANGUAGE_COOKIE, frozenset(LANGUAGES)),
    "theme": (THEME_COOKIE, frozenset(THEMES)),
}
Method = Literal["GET", "POST"]
Handler = Callable[[Visit], Awaitable[Response]]


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

        async def open_to_its_readers(visit: Visit) -> Response:
            if not visit.person.may_open(page):
                raise PageRefused(404)
            return await handler(visit)

        return self.own_page(path, open_to_its_readers, method)

    def own_page(self, path: str, handler: Handler, method: Method = "GET") -> BaseRoute:
        """Return the route of a page for everybody who has signed in."""

        async def open_to_the_signed_in(visit: Visit) -> Response:
            return self._to_sign_in(visit) if visit.session is None else await handler(visit)

        return self.open_page(path, open_to_the_signed_in, method)

    def open_page(self, path: str, handler: Handler, method: Method = "GET") -> BaseRoute:
        """Return the route of a page that needs no session."""

        async def endpoint(request: Request) -> Response:
            request.scope[ROUTE_KEY] = path
            if method == "GET" and (chosen := _chosen_preference(request)) is not None:
                return chosen
            visit = Visit(request, read_language(request, self.default_language), read_theme(request), None)
            try:
                if method == "POST":
                    require_own_site(request)
                visit = Visit(request, visit.language, visit.theme, await self._session_of(request))
                response = await handler(visit)
            except PageRefused as refused:
                response = self.error(visit, refused.status, refused.reason)
            except ServiceUnavailable as error:
                response = self.error(visit, 503, f"no_answer_{error.service}")
            except Exception as error:
                if not is_transient(error):
                    raise
                response = self.error(visit, 503, "no_database")
            response.headers.setdefault("content-security-policy", CONTENT_POLICY)
            # With no referrer at all, browsers name no origin of a form either, by which it is known as ours.
            response.headers.setdefault("referrer-policy", "same-origin")
            return response

        return Route(path, endpoint, methods=[method], include_in_schema=False)

    def show(self, visit: Visit, template: str, values: Mapping[str, Any], status: int = 200) -> Response:
        """Return a page from its template."""
        return HTMLResponse(self.renderer.render(visit, template, values), status)

    def error(self, visit: Visit, status: int, reason: str) -> Response:
        """Return the page that says why another one is not shown; for a script of ours what it shows at its form."""
        told = refusal_text(translations(visit.language).gettext, reason)
        if visit.wants_json and told and 400 <= status < 500:
            return JSONResponse({"result": "refused", "errors": {"": told}}, status)
        return self.show(visit, "error.html", {"status": status, "told": told}, status)

    def _to_sign_in(self, visit: Visit) -> Response:
        if _renews_itself(visit.request):
            return Response(status_code=401)  # in a part of a page, the sign-in page would be swapped in
        if visit.request.method != "GET":
            return see_other("/sign-in")
        wanted = requested_path(visit.request)
        response = see_other(f"/sign-in?next={quote(wanted, safe='/')}" if self.has_provider else "/sign-in")
        remember_wanted_page(response, visit.request)
        return response

    async def _session_of(self, request: Request) -> Session | None:
        secret = session_cookie_of(request)
        return await self.accounts.find_session(secret, is_seen=not _renews_itself(request)) if secret else None


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
