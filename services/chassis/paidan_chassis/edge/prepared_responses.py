"""Responses that are complete when they begin, written by one call and one packet.

Their constant headers are rendered once. uvicorn takes a response in two messages, and checks and copies each header of
each: for a hot route that costs more than parsing the request. A response that is not plain is left to it.
"""

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from paidan_chassis.edge.joined_writes import JoinedWrites
from paidan_chassis.edge.limits import ConnectionLimits, LimitedConnection
from paidan_chassis.edge.scope_keys import WRITE_RESPONSE_KEY
from paidan_chassis.edge.security_headers import render


class PreparedResponsesConnection(LimitedConnection):
    """A connection that writes whole responses itself."""

    def on_headers_complete(self) -> None:
        """Offer ``write_response`` to the request's handling."""
        super().on_headers_complete()
        self.scope[WRITE_RESPONSE_KEY] = self.write_response  # type: ignore[typeddict-unknown-key] # ours

    def write_response(self, scope: Scope, status: int, head: bytes, body: bytes) -> bool:
        """Write a response as uvicorn would, byte for byte; return False where uvicorn must."""
        cycle = self.cycle
        if (
            cycle.scope is not scope  # a later request waits already
            or cycle.response_started
            or cycle.disconnected
            or cycle.access_log
            or not cycle.keep_alive
            or self.flow.write_paused
        ):
            return False
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        own = render(self.server_state.default_headers)
        joined: JoinedWrites = self.transport  # type: ignore[assignment] # as the connection was made
        joined.write_response(b"%b%b%b%b" % (STATUS_LINE[status], own, head, body))
        cycle.message_event.set()
        cycle.on_response()
        return True


def limited_protocol(limits: ConnectionLimits) -> type[PreparedResponsesConnection]:
    """Return uvicorn's protocol class with these limits."""

    class Protocol(PreparedResponsesConnection):
        pass

    Protocol.limits = limits
    return Protocol
