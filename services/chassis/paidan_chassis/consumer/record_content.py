"""A record's content, packed into bytes and back without loss."""

import struct
from itertools import accumulate
from typing import Final, NamedTuple, Self

from paidan_chassis.consumer.batch import Record

_FORMAT_VERSION: Final = 1
_HEADER: Final = struct.Struct("<BI")
_NULL_LENGTH: Final = -1


class RecordContent(NamedTuple):
    """A record's key, value and headers. They may hold personal data: show them only on request."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]

    @classmethod
    def of(cls, record: Record) -> Self:
        """Return a record's content."""
        return cls(record.key, record.value, tuple(record.headers))

    def pack(self) -> bytes:
        """Pack into lengths first, then all bytes. Nulls are not empty values, and header names need not be UTF-8."""
        parts = [self.key, self.value]
        for name, value in self.headers:
            parts += (name.encode(errors="surrogateescape"), value)
        lengths = [_NULL_LENGTH if part is None else len(part) for part in parts]
        return b"".join(
            (struct.pack(f"<BI{len(parts)}i", _FORMAT_VERSION, len(parts), *lengths), *(part for part in parts if part))
        )

    @classmethod
    def unpack(cls, packed: bytes) -> Self:
        """Unpack what ``pack`` packed; raises ValueError when another release packed it in another format."""
        format_version, part_count = _HEADER.unpack_from(packed)
        if format_version != _FORMAT_VERSION:
            raise ValueError("packed by another release")
        lengths = struct.unpack_from(f"<{part_count}i", packed, _HEADER.size)
        starts = accumulate((max(length, 0) for length in lengths), initial=_HEADER.size + 4 * part_count)
        key, value, *header_parts = (
            None if length == _NULL_LENGTH else packed[start : start + length]
            for start, length in zip(starts, lengths, strict=False)
        )
        names = [(name or b"").decode(errors="surrogateescape") for name in header_parts[::2]]
        return cls(key, value, tuple(zip(names, header_parts[1::2], strict=True)))
