"""Streams of events that stay open: so many of a person at most, and closed at once when nobody reads them any more."""

from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from paidan_cockpit.pages.request_context import PageRefused, RequestContext

MAX_OF_PERSON: Final = 100
"""More than a wall of screens needs, and far fewer than the connections of the edge."""
MEDIA_TYPE: Final = "text/event-stream"
_HEADERS: Final = {"cache-control": "no-store", "x-accel-buffering": "no"}


class EventStreams:
    """Opens streams, and knows how many each person has open."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    def response(self, context: RequestContext, events: AsyncGenerator[bytes]) -> Response:
        """Return the response that sends events as they come; refuse one stream too many."""
        person_id = context.person.person_id
        if self._open[person_id] >= MAX_OF_PERSON:
            raise PageRefused(429, "too_many_streams")
        if context.request.method == "HEAD":
            return Response(headers=_HEADERS, media_type=MEDIA_TYPE)
        return _EventStream(events, self._open, person_id)


class _EventStream(StreamingResponse):
    def __init__(self, events: AsyncGenerator[bytes], counts: Counter[str], person_id: str) -> None:
        super().__init__(events, headers=_HEADERS, media_type=MEDIA_TYPE)
        self._events = events
        self._counts = counts
        self._person_id = person_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._counts[self._person_id] += 1
        try:
            async with aclosing(self._events):
                await super().__call__(scope, receive, send)
        finally:
            self._counts[self._person_id] -= 1
            if not self._counts[self._person_id]:
                del self._counts[self._person_id]
