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
from paidan_chassis.kafka.compressing import FAST_LZ4_LEVEL

CausedMessage: TypeAlias = tuple[Record, Message]

_FORMAT_VERSION: Final = b"\x02"
_COUNT: Final = struct.Struct("<I")
_FIXED_FIELDS: Final = 3  # topic, key, value


class SequencedMessage(NamedTuple):
    """A message and the number it has in its lane for ever."""

    seq: int
    message: Message


class OutboxChunk(NamedTuple):
    """One row of the outbox: consecutive messages of one lane."""

    lane: Lane
    first_seq: int
    last_seq: int
    body: bytes


def assign_sequences(
    caused_messages: Iterable[CausedMessage], last_seqs: Mapping[Lane, int]
) -> dict[Lane, list[SequencedMessage]]:
    """Number messages per lane, on from the lane's last number, by their causes' offsets.

    A handler may emit in any order and Kafka may cut batches anywhere: the numbers come out the same.
    """
    messages_by_lane: dict[Lane, list[tuple[int, Message]]] = {lane: [] for lane in last_seqs}
    for cause, message in caused_messages:
        messages_by_lane[cause.lane].append((cause.offset, message))
    return {
        lane: [
            SequencedMessage(seq, message)
            for seq, (_, message) in enumerate(sorted(messages, key=itemgetter(0)), last_seqs[lane] + 1)
        ]
        for lane, messages in messages_by_lane.items()
        if messages
    }


def pack(lane: Lane, messages: Sequence[SequencedMessage]) -> OutboxChunk:
    """Pack messages whose numbers follow each other into one row: lengths first, then all bytes.

    Squeezed it is several times smaller, which takes less than sending, storing and logging the rest would.
    """
    parts: list[bytes] = []
    header_counts: list[int] = []
    for _, (topic, key, value, headers) in messages:
        header_counts.append(len(headers))
        parts += (topic.encode(), key.encode(), value)
        for name, header_value in headers:
            parts += (name.encode(), header_value)
    lengths = struct.pack(f"<I{len(header_counts)}I{len(parts)}I", len(header_counts), *header_counts, *map(len, parts))
    body = _FORMAT_VERSION + lz4_encode(b"".join((lengths, *parts)), FAST_LZ4_LEVEL)
    return OutboxChunk(lane, messages[0].seq, messages[-1].seq, body)


def unpack(chunk: OutboxChunk) -> Iterator[SequencedMessage]:
    """Read back what ``pack`` wrote."""
    if not chunk.body.startswith(_FORMAT_VERSION):
        raise Halt("outbox_unreadable", f"{chunk.lane} from {chunk.first_seq} on was written by another release")
    body = lz4_decode(chunk.body[len(_FORMAT_VERSION) :])
    (message_count,) = _COUNT.unpack_from(body)
    header_counts = struct.unpack_from(f"<{message_count}I", body, _COUNT.size)
    parts = _parts(body, _COUNT.size + 4 * message_count, _FIXED_FIELDS * message_count + 2 * sum(header_counts))
    for seq, header_count in enumerate(header_counts, chunk.first_seq):
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


SELECT_UNRELAYED: Final = """
    SELECT first_seq, last_seq, body
      FROM outbox
     WHERE consumer = $1
       AND topic = $2
       AND partition = $3
       AND last_seq > $4
     ORDER BY first_seq
"""


async def unrelayed(
    conn: Connection, consumer: str, lane: Lane, *, relayed_seq: int, seq: int
) -> list[SequencedMessage]:
    """Read what a lane has said and not yet relayed, whoever wrote it; raises ``Halt`` when some of it is missing."""
    rows = await conn.fetch(SELECT_UNRELAYED, consumer, lane.topic, lane.partition, relayed_seq)
    chunks = [OutboxChunk(lane, row["first_seq"], row["last_seq"], row["body"]) for row in rows]
    messages = [each for chunk in chunks for each in unpack(chunk) if each.seq > relayed_seq]
    if [each.seq for each in messages] != list(range(relayed_seq + 1, seq + 1)):
        raise Halt("outbox_incomplete", f"{lane} must say {relayed_seq + 1} to {seq}, and {len(messages)} are kept")
    return messages


DELETE_RELAYED: Final = """
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
    await conn.execute(DELETE_RELAYED, consumer)
