"""Answers to unknown addresses and methods, and to faults of ours: a page for people, the edge's own for programs."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from paidan_chassis.edge import problems
from paidan_cockpit.pages.request_context import PageRefused, RequestContext
from paidan_cockpit.pages.site import Site

ErrorHandler: TypeAlias = Callable[[Request, Exception], Awaitable[Response]]
_NO_ROUTE: Final = "/{address}"


def not_found_page(site: Site) -> ErrorHandler:
    """Return the handler of addresses that no route has."""
    return _page_for_people(site, PageRefused(404))


def method_page(site: Site) -> ErrorHandler:
    """Return the handler of addresses that do not take a method, such as that of a form that was opened."""
    handle = _page_for_people(site, PageRefused(405, "no_such_method"))

    async def handle_with_allowed(request: Request, error: Exception) -> Response:
        response = await handle(request, error)
        response.headers["allow"] = (getattr(error, "headers", None) or {}).get("Allow", "")
        return response

    return handle_with_allowed


def internal_error_page(site: Site) -> ErrorHandler:
    """Return the handler of errors that nobody expected; the edge logs them under the request's trace id."""
    return _page_for_people(site, PageRefused(500, "internal"))


def _page_for_people(site: Site, refusal: PageRefused) -> ErrorHandler:
    async def refuse(_context: RequestContext) -> Response:
        raise refusal

    page = site.open_page(_NO_ROUTE, refuse)
    assert isinstance(page, Route)  # noqa: S101 - what pages are made of

    async def handle(request: Request, error: Exception) -> Response:
        if "text/html" not in request.headers.get("accept", ""):
            return _problem(refusal.status, error).response()
        response: Response = await page.endpoint(request)
        return response

    return handle


def _problem(status: int, error: Exception) -> problems.Problem:
    """Return what programs are answered."""
    match status:
        case 404:
            return problems.not_found()
        case 405:
            return problems.method_not_allowed()
        case _:
            return problems.problem_for(error)
