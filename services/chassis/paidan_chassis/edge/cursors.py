"""Page cursors: the sort key after which a list continues, as opaque text that the client sends back."""

import base64
from typing import Generic, TypeVar

from pydantic import TypeAdapter

from paidan_chassis.edge import problems

KeyT = TypeVar("KeyT")


class InvalidCursor(ValueError):
    """The text is not a cursor of this list."""


class CursorCodec(Generic[KeyT]):
    """Encodes the sort key of a page's last row, and decodes what comes back under the key's own type."""

    def __init__(self, key_type: type[KeyT]) -> None:
        self._adapter = TypeAdapter(key_type)

    def encode(self, key: KeyT) -> str:
        """Return the cursor of the page that begins after this key."""
        return base64.urlsafe_b64encode(self._adapter.dump_json(key)).decode()

    def decode(self, cursor: str) -> KeyT:
        """Return the key after which the page begins; raises InvalidCursor."""
        try:
            return self._adapter.validate_json(base64.urlsafe_b64decode(cursor))
        except ValueError as error:  # neither base64 nor ASCII nor JSON, or another key's
            raise InvalidCursor(InvalidCursor.__doc__) from error


def decode_after(codec: CursorCodec[KeyT], cursor: str | None) -> KeyT | None:
    """Return the key after which a page begins, None for the first page; raise 422 naming the parameter ``after``."""
    if not cursor:
        return None
    try:
        return codec.decode(cursor)
    except InvalidCursor:
        raise problems.invalid("after", "send the `after` of the previous page", "请使用上一页返回的 after") from None
