"""Reads messages back from the outbox, and deletes those that are relayed. Batches write it through ``positions``."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from paidan_chassis.consumer import outbox_chunks, outbox_format_2
from paidan_chassis.consumer.batch import Lane
from paidan_chassis.consumer.outbox_chunks import OUTBOX_FORMAT, ChunkWriter, OutboxChunk, SequencedMessage
from paidan_chassis.consumer.outbox_format_2 import OUTBOX_FORMAT_2
from paidan_chassis.database import Connection
from paidan_chassis.errors import Halt

SELECT_UNRELAYED: Final = """
    SELECT first_seq, last_seq, body
      FROM outbox
     WHERE consumer = $1
       AND topic = $2
       AND partition = $3
       AND last_seq > $4
     ORDER BY first_seq
"""
_CHUNK_MESSAGES: Final = 1000


class Unrelayed(NamedTuple):
    """What a lane has not relayed yet: first what an earlier release left, as messages, then chunks."""

    messages: list[SequencedMessage]
    chunks: list[OutboxChunk]

    def addressed(self, lane: Lane, previous: Mapping[str, int], writer: ChunkWriter) -> list[OutboxChunk]:
        """Return all of it as chunks; an earlier release had not chosen partitions yet."""
        last_seqs = dict(previous)
        chunks: list[OutboxChunk] = []
        for start in range(0, len(self.messages), _CHUNK_MESSAGES):
            chunks.append(writer.write(lane, self.messages[start : start + _CHUNK_MESSAGES], last_seqs))
            last_seqs.update(chunks[-1].last_seqs)
        return [*chunks, *self.chunks]


async def unrelayed(conn: Connection, consumer: str, lane: Lane, *, relayed_seq: int, seq: int) -> Unrelayed:
    """Return what a lane has not relayed yet, whoever wrote it; raises ``Halt`` when something is missing."""
    rows = await conn.fetch(SELECT_UNRELAYED, consumer, lane.topic, lane.partition, relayed_seq)
    found = Unrelayed([], [])
    for first_seq, last_seq, body in rows:
        if body.startswith(OUTBOX_FORMAT):
            found.chunks.append(outbox_chunks.unpack(lane, first_seq, last_seq, body))
        elif body.startswith(OUTBOX_FORMAT_2):
            messages = outbox_format_2.unpack(first_seq, body)
            found.messages.extend(each for each in messages if each.seq > relayed_seq)
        else:
            raise Halt(
                "outbox_unreadable",
                f"{lane} from {first_seq} on was written by another release | {lane} 自 {first_seq} 起由其他版本写入",
            )
    numbers = [each.seq for each in found.messages]
    for chunk in found.chunks:
        numbers += range(max(chunk.first_seq, relayed_seq + 1), chunk.last_seq + 1)
    if numbers != list(range(relayed_seq + 1, seq + 1)):
        raise Halt(
            "outbox_incomplete",
            f"{lane} must relay {relayed_seq + 1} to {seq}, and {len(numbers)} are stored"
            f" | {lane} 须转发第 {relayed_seq + 1} 至 {seq} 条，而仅存 {len(numbers)} 条",
        )
    return found


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
