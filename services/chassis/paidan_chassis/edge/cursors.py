"""Page cursors: where a list goes on, as text that a client hands back unread."""

import base64
from typing import Generic, TypeVar

from pydantic import TypeAdapter

KeyT = TypeVar("KeyT")


class InvalidCursor(ValueError):
    """This is not what an earlier page gave."""


class CursorCodec(Generic[KeyT]):
    """Encodes the sort key of a page's last row, and decodes what comes back under the key's own type."""

    def __init__(self, key_type: type[KeyT]) -> None:
        self._adapter = TypeAdapter(key_type)

    def encode(self, key: KeyT) -> str:
        """Return the cursor of the page behind this key."""
        return base64.urlsafe_b64encode(self._adapter.dump_json(key)).decode()

    def decode(self, cursor: str) -> KeyT:
        """Return the key behind which the page begins; raises InvalidCursor."""
        try:
            return self._adapter.validate_json(base64.urlsafe_b64decode(cursor))
        except ValueError as error:  # neither base64 nor ASCII nor JSON, or another key's
            raise InvalidCursor(InvalidCursor.__doc__) from error
