"""What one transaction says from one lane: numbered messages, in the record batches that are stored and sent."""

import json
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Final, NamedTuple, TypeAlias

from paidan_chassis.consumer.batch import Lane, Record
from paidan_chassis.consumer.errors import TopicsUnknown
from paidan_chassis.kafka.message import Message
from paidan_chassis.kafka.producer import partition_for
from paidan_chassis.kafka.record_batch import RecordBatch, RecordBatchWriter

OUTBOX_FORMAT: Final = b"\x03"
_INDEX_END: Final = b"\n"

CausedMessage: TypeAlias = tuple[Record, Message]


class SequencedMessage(NamedTuple):
    """A message and its permanent number in its lane."""

    seq: int
    message: Message


class OutboxChunk(NamedTuple):
    """One row of the outbox: consecutive messages of one lane, as Kafka will store them."""

    lane: Lane
    first_seq: int
    last_seq: int
    last_seqs: Mapping[str, int]
    """The last sequence of each topic-partition."""
    batches: Sequence[RecordBatch]

    @property
    def message_count(self) -> int:
        return self.last_seq + 1 - self.first_seq


def assign_sequences(
    caused_messages: Iterable[CausedMessage], last_seqs: Mapping[Lane, int]
) -> dict[Lane, list[SequencedMessage]]:
    """Number messages per lane, from the lane's last number on, in the order of their causes' offsets.

    A handler may emit in any order and Kafka may cut batches anywhere: the numbers are the same.
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


class ChunkWriter:
    """Writes the messages of lanes as record batches, each record with its origin, its number and the one before it."""

    def __init__(self, consumer: str, partition_counts: Mapping[str, int]) -> None:
        self._consumer = consumer
        self._partition_counts = partition_counts

    def write_all(
        self,
        messages: Sequence[CausedMessage],
        last_seqs: Mapping[Lane, int],
        previous: Mapping[Lane, Mapping[str, int]],
    ) -> dict[Lane, OutboxChunk]:
        """Number a transaction's messages, and return them as one chunk per lane. Raises ``TopicsUnknown``."""
        if unknown := {message.topic for _, message in messages} - self._partition_counts.keys():
            raise TopicsUnknown(unknown)
        return {
            lane: self.write(lane, sequenced, previous[lane])
            for lane, sequenced in assign_sequences(messages, last_seqs).items()
        }

    def write(self, lane: Lane, messages: Sequence[SequencedMessage], previous: Mapping[str, int]) -> OutboxChunk:
        """Return a lane's consecutive messages as one chunk; ``previous`` is its last number per topic-partition."""
        origin = ("ce_origin", f"{self._consumer}/{lane}".encode())
        by_partition: dict[tuple[str, int], _PartitionRecords] = {}
        for seq, (topic, key, value, headers) in messages:
            key_bytes = key.encode()
            partition = partition_for(key_bytes, self._partition_counts[topic])
            records = by_partition.get((topic, partition))
            if records is None:
                records = by_partition[topic, partition] = _PartitionRecords(topic, partition, previous)
            relay_headers = (origin, ("ce_sequence", b"%d" % seq), ("ce_previous", b"%d" % records.last_seq))
            records.writer.append(key_bytes, value, [*headers, *relay_headers])
            records.last_seq = seq
        return OutboxChunk(
            lane,
            messages[0].seq,
            messages[-1].seq,
            {records.name: records.last_seq for records in by_partition.values()},
            [batch for records in by_partition.values() for batch in records.writer.batches()],
        )


class _PartitionRecords:
    """A topic-partition: its records so far, and the number of the last one."""

    __slots__ = ("last_seq", "name", "writer")

    def __init__(self, topic: str, partition: int, previous: Mapping[str, int]) -> None:
        self.name = f"{topic}-{partition}"
        self.writer = RecordBatchWriter(topic, partition)
        self.last_seq = previous.get(self.name, 0)


def pack(chunk: OutboxChunk) -> bytes:
    """Return a chunk as a row stores it: a line that says what follows, and the batches."""
    index = [
        (topic, partition, chunk.last_seqs[f"{topic}-{partition}"], len(body))
        for topic, partition, body in chunk.batches
    ]
    line = json.dumps(index, separators=(",", ":")).encode()
    return b"".join((OUTBOX_FORMAT, line, _INDEX_END, *(each.body for each in chunk.batches)))


def unpack(lane: Lane, first_seq: int, last_seq: int, row: bytes) -> OutboxChunk:
    """Return the chunk of a row that ``pack`` made."""
    line, _, bodies = row[len(OUTBOX_FORMAT) :].partition(_INDEX_END)
    last_seqs: dict[str, int] = {}
    batches: list[RecordBatch] = []
    start = 0
    for topic, partition, last_seqs[f"{topic}-{partition}"], length in json.loads(line):
        batches.append(RecordBatch(topic, partition, bodies[start : start + length]))
        start += length
    return OutboxChunk(lane, first_seq, last_seq, last_seqs, batches)
