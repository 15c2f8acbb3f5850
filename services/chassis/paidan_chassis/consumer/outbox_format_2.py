"""Reads the rows that releases before 0.2 left in the outbox: messages without partitions, in a format of our own."""

import struct
from collections.abc import Iterator
from itertools import accumulate
from typing import Final

from aiokafka.codec import lz4_decode

from paidan_chassis.consumer.outbox_chunks import SequencedMessage
from paidan_chassis.kafka.message import Message

OUTBOX_FORMAT_2: Final = b"\x02"
_COUNT: Final = struct.Struct("<I")
_FIXED_FIELDS: Final = 3  # topic, key, value


def unpack(first_seq: int, row: bytes) -> Iterator[SequencedMessage]:
    """Yield the messages of a row: their numbers of headers, the lengths of all parts, then the parts."""
    body = lz4_decode(row[len(OUTBOX_FORMAT_2) :])
    (message_count,) = _COUNT.unpack_from(body)
    header_counts = struct.unpack_from(f"<{message_count}I", body, _COUNT.size)
    parts = _parts(body, _COUNT.size + 4 * message_count, _FIXED_FIELDS * message_count + 2 * sum(header_counts))
    for seq, header_count in enumerate(header_counts, first_seq):
        topic, key, value = next(parts).decode(), next(parts).decode(), next(parts)
        yield SequencedMessage(
            seq, Message(topic, key, value, tuple((next(parts).decode(), next(parts)) for _ in range(header_count)))
        )


def _parts(body: bytes, start: int, fields: int) -> Iterator[bytes]:
    lengths = struct.unpack_from(f"<{fields}I", body, start)
    return (
        body[position : position + length]
        for position, length in zip(accumulate(lengths, initial=start + 4 * fields), lengths, strict=False)
    )
