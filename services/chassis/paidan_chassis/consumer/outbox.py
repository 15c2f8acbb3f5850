"""Reads messages back from the outbox, and deletes those that are relayed. Batches write it through ``positions``."""

import struct
from collections.abc import Iterator
from itertools import accumulate
from typing import Final

from aiokafka.codec import lz4_decode

from paidan_chassis.consumer.batch import Lane
from paidan_chassis.consumer.positions import OUTBOX_FORMAT, OutboxChunk, SequencedMessage
from paidan_chassis.database import Connection
from paidan_chassis.errors import Halt
from paidan_chassis.kafka.message import Message

_COUNT: Final = struct.Struct("<I")
_FIXED_FIELDS: Final = 3  # topic, key, value


def unpack(chunk: OutboxChunk) -> Iterator[SequencedMessage]:
    """Yield the messages that ``positions.pack`` packed; raises ``Halt`` when another release wrote them."""
    if not chunk.body.startswith(OUTBOX_FORMAT):
        raise Halt("outbox_unreadable", f"{chunk.lane} from {chunk.first_seq} on was written by another release")
    body = lz4_decode(chunk.body[len(OUTBOX_FORMAT) :])
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
    """Return a lane's messages that are not relayed yet, whoever wrote them; raises ``Halt`` when one is missing."""
    rows = await conn.fetch(SELECT_UNRELAYED, consumer, lane.topic, lane.partition, relayed_seq)
    chunks = [OutboxChunk(lane, row["first_seq"], row["last_seq"], row["body"]) for row in rows]
    messages = [each for chunk in chunks for each in unpack(chunk) if each.seq > relayed_seq]
    if [each.seq for each in messages] != list(range(relayed_seq + 1, seq + 1)):
        raise Halt("outbox_incomplete", f"{lane} must relay {relayed_seq + 1} to {seq}, and {len(messages)} are stored")
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
    """Delete some messages that Kafka has acknowledged, of any lane, owned or not."""
    await conn.execute(DELETE_RELAYED, consumer)
