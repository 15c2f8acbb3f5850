"""The class of every FastAPI route: key, query and headers are judged before a byte of the body is read.

Headers are UTF-8, given once, without the white space that HTTP allows around a value.
"""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from fastapi import APIRouter, params
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Scope

from paidan_chassis.edge.middleware import authenticate
from paidan_chassis.edge.problems import Problem, from_validation_errors
from paidan_chassis.edge.query import NO_QUERY, rules_of
from paidan_chassis.json_bodies import refuse_duplicate_keys

_JSON: Final = (b"content-type", b"application/json")
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class EdgeRoute(APIRoute):
    """A route that refuses what it does not know, and reads a JSON body whatever type it was announced as."""

    def get_route_handler(self) -> Handler:
        """Return FastAPI's handler behind the checks, in the order: key, query, headers; then the body."""
        handle = super().get_route_handler()
        needs_key = requires_key(self.dependant)
        query_rules = rules_of(self.dependant, self.openapi_extra)
        required = [each["name"] for each in (self.openapi_extra or {}).get("parameters", ()) if each["in"] == "header"]
        reads_json = self.body_field is not None and not isinstance(self.body_field.field_info, params.Form)

        async def handler(request: Request) -> Response:
            if needs_key:
                await authenticate(request)
            if request.scope["query_string"]:
                query_rules.apply(request.scope)
            for name in required:
                require_header(request.scope, name)
            if reads_json and _JSON not in request.scope["headers"]:
                _announce_json(request.scope)
            if reads_json:
                _refuse_duplicate_keys(await request.body())
            return await handle(request)  # which has read nothing of its headers yet

        return handler


def plain_route(path: str, endpoint: Callable[[Request], Awaitable[Response]]) -> Route:
    """Return a GET route outside the document that needs no key and takes no query."""

    async def strict(request: Request) -> Response:
        if request.scope["query_string"]:
            NO_QUERY.apply(request.scope)
        return await endpoint(request)

    return Route(path, strict, include_in_schema=False)


def create_router(**options: Any) -> APIRouter:  # noqa: ANN401 - FastAPI's own options
    """Return a router whose routes are of this class."""
    return APIRouter(route_class=EdgeRoute, **options)


def requires_key(dependant: Dependant) -> bool:
    """Return whether a route depends on the caller's key."""
    return any(each.call is authenticate or requires_key(each) for each in dependant.dependencies)


def read_header(scope: Scope, name: str) -> str | None:
    """Return a header's value, None if it is missing or empty; raise 400 if it is given twice or is not UTF-8.

    HTTP's own Latin-1 would read the bytes of Chinese as other letters, and some of them as spaces to strip.
    """
    wanted = name.lower().encode()
    values = [value for each, value in scope["headers"] if each == wanted]
    if len(values) > 1:
        raise repeated_header(name)
    try:
        return values[0].strip(b" \t").decode() or None if values else None
    except UnicodeDecodeError:
        raise Problem(400, "invalid", f"the header {name} is not UTF-8", f"请求头 {name} 须为 UTF-8", name) from None


def require_header(scope: Scope, name: str) -> str:
    """Return a header's value, or raise 400 naming it."""
    value = read_header(scope, name)
    if value is None:
        code = name.lower().replace("-", "_") + "_missing"
        raise Problem(400, code, f"the header {name} is required", f"缺少请求头 {name}", name)
    return value


def repeated_header(name: str) -> Problem:
    """Return the 400 for a header that is given twice."""
    return Problem(400, "invalid", f"the header {name} is given twice", f"请求头 {name} 重复", name)


def _refuse_duplicate_keys(raw: bytes) -> None:
    try:
        refuse_duplicate_keys(raw)
    except ValidationError as error:
        raise from_validation_errors(error.errors(include_url=False, include_input=False)) from None


def _announce_json(scope: Scope) -> None:
    # curl's -d announces a form, and some clients nothing: FastAPI would validate the bytes as text.
    scope["headers"] = [*(each for each in scope["headers"] if each[0] != b"content-type"), _JSON]
