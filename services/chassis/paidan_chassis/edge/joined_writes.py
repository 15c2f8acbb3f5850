"""A transport that sends the head of a response with its body: one system call and one packet in place of two.

uvicorn writes them one after the other, and uvloop sends each write at once.
"""

import asyncio
from typing import Any, Final

_HEAD: Final = b"HTTP/1.1 "
_INTERIM: Final = b"HTTP/1.1 100 "


class JoinedWrites:
    """Holds a head back until the next write, or until the event loop's next turn if none follows at once."""

    __slots__ = ("_flushing", "_held", "_loop", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held = b""
        self._flushing: asyncio.Handle | None = None

    def write(self, data: bytes) -> None:
        """Write data after the head that is held back, or hold it back if it is one."""
        if self._held:
            data = self._held + data
            self._forget()
        elif data.startswith(_HEAD) and not data.startswith(_INTERIM):
            self._held = data
            self._flushing = self._loop.call_soon(self._flush)
            return
        self._transport.write(data)

    def write_response(self, data: bytes) -> None:
        """Write a whole response, after what is held back."""
        if self._held:
            self._flush()
        self._transport.write(data)

    def close(self) -> None:
        """Close the transport once everything is sent."""
        self._flush()
        self._transport.close()

    def is_closing(self) -> bool:
        """Return whether the transport is closed or closing."""
        return self._transport.is_closing()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the rest is the transport's own
        return getattr(self._transport, name)

    def _flush(self) -> None:
        held = self._held
        self._forget()
        if held:
            self._transport.write(held)

    def _forget(self) -> None:
        self._held = b""
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None
