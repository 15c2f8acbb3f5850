"""The hot routes: POST routes that bypass FastAPI's dependencies, and plain requests to them the whole framework.

FastAPI and Starlette cost more than all that a report's own handling does, so ``FastPath`` serves what needs none of
them: a POST on the very path, without a query, its body announced, within the limit and received in one piece. Any
other request goes to the framework's route, which has the same handler; a test holds both to the same responses.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from paidan_chassis.edge import problems, query
from paidan_chassis.edge.api_keys import Principal
from paidan_chassis.edge.exchange import PREPARED_RESPONSE
from paidan_chassis.edge.middleware import ModelT, authenticate_scope, parse_body
from paidan_chassis.edge.problems import BodyTooLarge, Problem
from paidan_chassis.edge.query import NO_QUERY, QueryRules
from paidan_chassis.edge.scope_keys import ANNOUNCED_BYTES_KEY, BODY_LIMIT_KEY, ROUTE_KEY


class HotRequest(NamedTuple, Generic[ModelT]):
    """One request to a hot route, authenticated, read and validated."""

    scope: Scope
    principal: Principal
    raw: bytes
    body: ModelT

    @property
    def is_dry_run(self) -> bool:
        """Return whether the request has ``?dry-run=true``; raise 422 for a value that is neither true nor false."""
        return bool(self.scope["query_string"]) and query.is_dry_run(self.scope)


class PreparedResponse(NamedTuple):
    """A response in JSON without headers of its own."""

    status: int
    content: bytes

    def response(self) -> Response:
        """Return the framework's response, which sends the same."""
        return Response(self.content, self.status, media_type="application/json")


@dataclass(frozen=True, slots=True)
class HotRoute(Generic[ModelT]):
    """A hot route: its handler, which returns a response or raises ``Problem``, and what a request to it may be."""

    path: str
    handler: Callable[[HotRequest[ModelT]], Awaitable[Response | PreparedResponse]]
    model: type[ModelT]
    body_limit: int | None = None
    query_rules: QueryRules = NO_QUERY

    async def endpoint(self, request: Request) -> Response:
        """Authenticate, read and validate a request within the framework, and return the handler's response."""
        scope = request.scope
        caller = await self.authenticate(scope)
        if scope["query_string"]:
            self.query_rules.apply(scope)
        response = await self.handle(scope, caller, await request.body())
        return response.response() if isinstance(response, PreparedResponse) else response

    async def authenticate(self, scope: Scope) -> Principal:
        """Name the route in the scope, and return the caller."""
        scope[ROUTE_KEY] = self.path
        scope[BODY_LIMIT_KEY] = self.body_limit
        return await authenticate_scope(scope)

    async def handle(self, scope: Scope, caller: Principal, raw: bytes) -> Response | PreparedResponse:
        """Validate a body, and return the handler's response."""
        return await self.handler(HotRequest(scope, caller, raw, parse_body(self.model, raw)))


class FastPath(Generic[ModelT]):
    """Serves plain requests to a hot route, and has the framework serve the others."""

    def __init__(self, route: HotRoute[ModelT], framework: ASGIApp, *, body_limit: int) -> None:
        self._route = route
        self._framework = framework
        self._body_limit = route.body_limit or body_limit

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Return the serving of a request to the route's path."""
        if (
            scope["method"] == "POST"
            and not scope["query_string"]
            and 0 < scope[ANNOUNCED_BYTES_KEY] <= self._body_limit
        ):
            return self._serve(scope, receive, send)
        return self._framework(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            caller = await self._route.authenticate(scope)
            message = await receive()
            if message["type"] != "http.request" or message.get("more_body"):
                await self._framework(scope, _replay(message, receive), send)
                return
            response = await self._route.handle(scope, caller, message["body"])
        except Problem as problem:
            response = problem.response()
        except BodyTooLarge as error:
            response = problems.too_large(error.limit).response()
        if isinstance(response, PreparedResponse):
            await send({"type": PREPARED_RESPONSE, "status": response.status, "body": response.content})
        else:
            await response(scope, receive, send)


def _replay(first: Message, receive: Receive) -> Receive:
    """Return a receiver of a message that was received already, and of those after it."""
    unread = [first]

    async def receive_again() -> Message:
        return unread.pop() if unread else await receive()

    return receive_again
