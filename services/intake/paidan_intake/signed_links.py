"""Links that open one photo for a while, for whoever holds them. Pure: time is an argument."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Link:
    """A path with its signature, and until when it opens."""

    path: str
    expires_at: datetime


class Signer:
    """Signs a photo's name and an end."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def link(self, ref: str, expires_at: datetime) -> Link:
        """Make a link that opens this photo until then, to the second."""
        end = int(expires_at.timestamp())
        path = f"/v1/photos/{ref}?expires={end}&signature={self._signature(ref, end)}"
        return Link(path, datetime.fromtimestamp(end, UTC))

    def opens(self, ref: str, expires: int, signature: str, now: datetime) -> bool:
        """Tell whether a link is ours and not past its end. Takes as long for a wrong one."""
        ours = self._signature(ref, expires)
        return hmac.compare_digest(ours.encode(), signature.encode()) and now.timestamp() < expires

    def _signature(self, ref: str, expires: int) -> str:
        return hmac.new(self._secret, f"{ref}\n{expires}".encode(), hashlib.sha256).hexdigest()
