"""The answer to addresses that no route has: a page for people, the edge's own answer for programs."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from paidan_chassis.edge import problems
from paidan_cockpit.pages.site import Site
from paidan_cockpit.pages.visit import PageRefused, Visit

ErrorHandler: TypeAlias = Callable[[Request, Exception], Awaitable[Response]]
_NO_ROUTE: Final = "/{address}"


def not_found_page(site: Site) -> ErrorHandler:
    """Return the handler of addresses that no route has."""

    async def refuse(_visit: Visit) -> Response:
        raise PageRefused(404)

    page = site.open_page(_NO_ROUTE, refuse)
    assert isinstance(page, Route)  # noqa: S101 - what pages are made of

    async def handle(request: Request, _error: Exception) -> Response:
        is_person = request.method == "GET" and "text/html" in request.headers.get("accept", "")
        response: Response = await page.endpoint(request) if is_person else problems.not_found().response()
        return response

    return handle
