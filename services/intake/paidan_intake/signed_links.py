"""Links that open one photo for a while, for whoever holds them. Pure: time is an argument."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class SignedLink:
    """A path with its signature, and until when it opens."""

    path: str
    expires_at: datetime


class LinkSigner:
    """Signs a photo's name and an end."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def sign(self, ref: str, expires_at: datetime) -> SignedLink:
        """Make a link that opens this photo until then, to the second."""
        expires = int(expires_at.timestamp())
        path = f"/v1/photos/{ref}?expires={expires}&signature={self._signature(ref, expires)}"
        return SignedLink(path, datetime.fromtimestamp(expires, UTC))

    def is_valid(self, ref: str, expires: int, signature: str, now: datetime) -> bool:
        """Tell whether a link is ours and not past its end. Takes as long for a wrong one."""
        expected = self._signature(ref, expires)
        return hmac.compare_digest(expected.encode(), signature.encode()) and now.timestamp() < expires

    def _signature(self, ref: str, expires: int) -> str:
        return hmac.new(self._secret, f"{ref}\n{expires}".encode(), hashlib.sha256).hexdigest()
