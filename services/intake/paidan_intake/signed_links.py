"""Signed links, each of which opens one photo without a key until it expires. Pure: time is an argument."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class SignedLink:
    """A path with a signature, and its expiry."""

    path: str
    expires_at: datetime


class LinkSigner:
    """Signs the reference of a photo with an expiry (HMAC-SHA256)."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def sign(self, ref: str, expires_at: datetime) -> SignedLink:
        """Return a link to a photo that expires at this time, to the second."""
        expires = int(expires_at.timestamp())
        path = f"/v1/photos/{ref}?expires={expires}&signature={self._signature(ref, expires)}"
        return SignedLink(path, datetime.fromtimestamp(expires, UTC))

    def is_valid(self, ref: str, expires: int, signature: str, now: datetime) -> bool:
        """Return whether a link has a valid signature and is not expired, in constant time."""
        expected = self._signature(ref, expires)
        return hmac.compare_digest(expected.encode(), signature.encode()) and now.timestamp() < expires

    def _signature(self, ref: str, expires: int) -> str:
        return hmac.new(self._secret, f"{ref}\n{expires}".encode(), hashlib.sha256).hexdigest()
