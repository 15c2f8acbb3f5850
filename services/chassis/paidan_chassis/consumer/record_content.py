"""What a record carries, bytes for bytes, and as one run of bytes that gives the very same back."""

import struct
from itertools import accumulate
from typing import Final, NamedTuple, Self

from paidan_chassis.consumer.records import Record

_FORMAT: Final = 1
_HEAD: Final = struct.Struct("<BI")
_NULL: Final = -1


class Carried(NamedTuple):
    """Key, value and headers of a record. They may hold personal data: show them to nobody unasked."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]

    @classmethod
    def by(cls, record: Record) -> Self:
        """Take them from a record."""
        return cls(record.key, record.value, tuple(record.headers))

    def pack(self) -> bytes:
        """Put lengths first, then all bytes. A null is not an empty one, and a header's name need not be UTF-8."""
        parts = [self.key, self.value]
        for name, value in self.headers:
            parts += (name.encode(errors="surrogateescape"), value)
        lengths = [_NULL if part is None else len(part) for part in parts]
        return b"".join(
            (struct.pack(f"<BI{len(parts)}i", _FORMAT, len(parts), *lengths), *(part for part in parts if part))
        )

    @classmethod
    def unpack(cls, packed: bytes) -> Self:
        """Read back what ``pack`` wrote; raises ValueError when another release wrote it in another way."""
        written_as, size = _HEAD.unpack_from(packed)
        if written_as != _FORMAT:
            raise ValueError("packed by another release")
        lengths = struct.unpack_from(f"<{size}i", packed, _HEAD.size)
        starts = accumulate((max(length, 0) for length in lengths), initial=_HEAD.size + 4 * size)
        key, value, *rest = (
            None if length == _NULL else packed[at : at + length] for at, length in zip(starts, lengths, strict=False)
        )
        names = [(name or b"").decode(errors="surrogateescape") for name in rest[::2]]
        return cls(key, value, tuple(zip(names, rest[1::2], strict=True)))
