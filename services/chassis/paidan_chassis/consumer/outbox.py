"""What a batch says, numbered and packed, and the statements that store and recover it. Publishing is the relay's."""

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from operator import itemgetter
from typing import Final, NamedTuple, TypeAlias

from aiokafka.codec import lz4_decode, lz4_encode

from paidan_chassis.consumer.errors import Halt
from paidan_chassis.consumer.records import Lane, Message, Record
from paidan_chassis.database import Connection
from paidan_chassis.kafka.compressing import QUICK

Said: TypeAlias = tuple[Record, Message]

_FORMAT: Final = b"\x02"
_SIZE: Final = struct.Struct("<I")
_FIXED_FIELDS: Final = 3  # topic, key, value


class Numbered(NamedTuple):
    """A message and the number it has in its lane for ever."""

    seq: int
    message: Message


class Chunk(NamedTuple):
    """One row of the outbox: consecutive messages of one lane."""

    lane: Lane
    first_seq: int
    last_seq: int
    body: bytes


def number(said: Iterable[Said], last_seqs: Mapping[Lane, int]) -> dict[Lane, list[Numbered]]:
    """Number messages per lane, on from the lane's last number, by their causes' offsets.

    A handler may emit in any order and Kafka may cut batches anywhere: the numbers come out the same.
    """
    by_lane: dict[Lane, list[tuple[int, Message]]] = {lane: [] for lane in last_seqs}
    for cause, message in said:
        by_lane[cause.lane].append((cause.offset, message))
    return {
        lane: [
            Numbered(seq, message)
            for seq, (_, message) in enumerate(sorted(messages, key=itemgetter(0)), last_seqs[lane] + 1)
        ]
        for lane, messages in by_lane.items()
        if messages
    }


def pack(lane: Lane, numbered: Sequence[Numbered]) -> Chunk:
    """Pack messages whose numbers follow each other into one row: lengths first, then all bytes.

    Squeezed it is several times smaller, which takes less than sending, storing and logging the rest would.
    """
    parts: list[bytes] = []
    counts: list[int] = []
    for _, (topic, key, value, headers) in numbered:
        counts.append(len(headers))
        parts += (topic.encode(), key.encode(), value)
        for name, held in headers:
            parts += (name.encode(), held)
    shape = struct.pack(f"<I{len(counts)}I{len(parts)}I", len(counts), *counts, *map(len, parts))
    body = _FORMAT + lz4_encode(b"".join((shape, *parts)), QUICK)
    return Chunk(lane, numbered[0].seq, numbered[-1].seq, body)


def unpack(chunk: Chunk) -> Iterator[Numbered]:
    """Read back what ``pack`` wrote."""
    if not chunk.body.startswith(_FORMAT):
        raise Halt("outbox_unreadable", f"{chunk.lane} from {chunk.first_seq} on was written by another release")
    body = lz4_decode(chunk.body[len(_FORMAT) :])
    (size,) = _SIZE.unpack_from(body)
    counts = struct.unpack_from(f"<{size}I", body, _SIZE.size)
    parts = _parts(body, _SIZE.size + 4 * size, _FIXED_FIELDS * size + 2 * sum(counts))
    for seq, count in enumerate(counts, chunk.first_seq):
        topic, key, value = next(parts).decode(), next(parts).decode(), next(parts)
        yield Numbered(
            seq, Message(topic, key, value, tuple((next(parts).decode(), next(parts)) for _ in range(count)))
        )


def _parts(body: bytes, start: int, fields: int) -> Iterator[bytes]:
    lengths = struct.unpack_from(f"<{fields}I", body, start)
    return (
        body[at : at + length]
        for at, length in zip(accumulate(lengths, initial=start + 4 * fields), lengths, strict=False)
    )


STORED: Final = """
    SELECT first_seq, last_seq, body
      FROM outbox
     WHERE consumer = $1
       AND topic = $2
       AND partition = $3
       AND last_seq > $4
     ORDER BY first_seq
"""


async def above(conn: Connection, consumer: str, lane: Lane, *, relayed_seq: int, seq: int) -> list[Numbered]:
    """Read what a lane has said and not yet relayed, whoever wrote it; raises ``Halt`` when some of it is missing."""
    rows = await conn.fetch(STORED, consumer, lane.topic, lane.partition, relayed_seq)
    chunks = [Chunk(lane, row["first_seq"], row["last_seq"], row["body"]) for row in rows]
    numbered = [each for chunk in chunks for each in unpack(chunk) if each.seq > relayed_seq]
    if [each.seq for each in numbered] != list(range(relayed_seq + 1, seq + 1)):
        raise Halt("outbox_incomplete", f"{lane} must say {relayed_seq + 1} to {seq}, and {len(numbered)} are kept")
    return numbered


RELAYED: Final = """
    DELETE FROM outbox
     WHERE (consumer, topic, partition, first_seq) IN (
        SELECT outbox.consumer, outbox.topic, outbox.partition, outbox.first_seq
          FROM outbox
          JOIN lane USING (consumer, topic, partition)
         WHERE outbox.consumer = $1
           AND outbox.last_seq <= lane.relayed_seq
         LIMIT 5000)
"""


async def prune(conn: Connection, consumer: str) -> None:
    """Delete a chunk of what Kafka has acknowledged, as the lanes' rows say; whose lanes they are does not matter."""
    await conn.execute(RELAYED, consumer)
