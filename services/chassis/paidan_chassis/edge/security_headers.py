"""Response headers that every response has unless its route sets its own: nothing is cached, framed or guessed."""

from collections.abc import Sequence
from typing import Final

RawHeaders = Sequence[tuple[bytes, bytes]]

DEFAULT_HEADERS: Final[RawHeaders] = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
)
DEFAULT_NAMES: Final = frozenset(name for name, _ in DEFAULT_HEADERS)
STRICT_TRANSPORT: Final = (b"strict-transport-security", b"max-age=31536000")
"""Of responses over TLS, ours or a proxy's: browsers ignore it over plain HTTP."""
DOCS_POLICY: Final = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'"
)
"""Of the page ``/docs``, whose script is inline."""


def render(headers: RawHeaders) -> bytes:
    """Return headers as HTTP/1.1 writes them."""
    return b"".join(name + b": " + value + b"\r\n" for name, value in headers)
