"""Batches of records in Kafka's format, built once and sent as they are, by any producer and however often.

aiokafka builds a batch for the producer that sends it. These outlive their producer: an outbox stores the bytes that
are sent. aiokafka's own writer makes them; only times, producer, sequence and checksum are set when they are sent.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final, NamedTuple

from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

from paidan_chassis.clock import real_now

MAX_BATCH_BYTES: Final = 512 * 1024
"""Bytes of records before compression. A larger record has a batch of its own."""
_MAGIC: Final = 2
_LZ4: Final = 3
_NO_PRODUCER: Final = -1
_CHECKSUM: Final = struct.Struct(">I")
_CHECKSUM_AT: Final = 17
_CHECKED_FROM: Final = _CHECKSUM_AT + _CHECKSUM.size
# First time, last time, producer, its epoch, the first record's sequence.
_SENDER_FIELDS: Final = struct.Struct(">qqqhi")
_SENDER_FIELDS_AT: Final = 27
_RECORD_COUNT: Final = struct.Struct(">i")
_RECORD_COUNT_AT: Final = _SENDER_FIELDS_AT + _SENDER_FIELDS.size

_topic_partition = itemgetter(0, 1)


class ProducerRecord(NamedTuple):
    """A message addressed to a partition."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]


class RecordBatch(NamedTuple):
    """Records of one topic-partition, as Kafka stores them. The topic is named without the installation's prefix."""

    topic: str
    partition: int
    body: bytes

    @property
    def record_count(self) -> int:
        return int(_RECORD_COUNT.unpack_from(self.body, _RECORD_COUNT_AT)[0])

    def records(self) -> Iterator[ProducerRecord]:
        """Yield the batch's records."""
        for each in DefaultRecordBatch(self.body):
            yield ProducerRecord(self.topic, self.partition, each.key, each.value, each.headers)

    def halves(self) -> "list[RecordBatch]":
        """Return the batch as two, or as it is if it holds one record."""
        records = list(self.records())
        middle = len(records) // 2
        return [*build_batches(records[:middle]), *build_batches(records[middle:])] if middle else [self]


class RecordBatchWriter:
    """Collects the records of one topic-partition in as many batches as they need."""

    __slots__ = ("_builder", "_full", "_records", "_topic_partition")

    def __init__(self, topic: str, partition: int) -> None:
        self._topic_partition = (topic, partition)
        self._full: list[RecordBatch] = []
        self._begin()

    def append(self, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes | None]]) -> None:
        """Add a record after those before it."""
        # Time 0 for all: each record holds its distance from the first, and the head gets the time of sending.
        if self._builder.append(self._records, 0, key, value, headers) is None:
            self._full.append(self._end())
            self._begin()
            self._builder.append(0, 0, key, value, headers)
        self._records += 1

    def batches(self) -> list[RecordBatch]:
        """Return all batches; nothing may be added any more."""
        return [*self._full, self._end()]

    def _begin(self) -> None:
        self._records = 0
        self._builder = DefaultRecordBatchBuilder(
            magic=_MAGIC,
            compression_type=_LZ4,
            is_transactional=0,
            producer_id=_NO_PRODUCER,
            producer_epoch=_NO_PRODUCER,
            base_sequence=_NO_PRODUCER,
            batch_size=MAX_BATCH_BYTES,
        )

    def _end(self) -> RecordBatch:
        return RecordBatch(*self._topic_partition, bytes(self._builder.build()))


def build_batches(records: Iterable[ProducerRecord]) -> list[RecordBatch]:
    """Return records in batches, the order within each topic-partition kept."""
    writers: dict[tuple[str, int], RecordBatchWriter] = {}
    for topic, partition, key, value, headers in records:
        writer = writers.get((topic, partition))
        if writer is None:
            writer = writers[topic, partition] = RecordBatchWriter(topic, partition)
        writer.append(key, value, headers)
    return [batch for writer in writers.values() for batch in writer.batches()]


def group_by_partition(batches: Sequence[RecordBatch]) -> list[list[RecordBatch]]:
    """Return the batches of each topic-partition, in their order."""
    ordered = sorted(batches, key=_topic_partition)  # sorting is stable
    return [list(group) for _, group in groupby(ordered, key=_topic_partition)]


class SendableBatch:
    """A batch with the methods of aiokafka's ``BatchBuilder``, for its ``send_batch``; each sending needs a new one."""

    def __init__(self, batch: RecordBatch) -> None:
        self._buffer = bytearray(batch.body)
        self._record_count = batch.record_count

    def record_count(self) -> int:
        return self._record_count

    def size(self) -> int:
        return len(self._buffer)

    def append(self, **_record: object) -> None:
        """Refuse a record, as a full batch does."""

    def close(self) -> None:
        """Do nothing: the batch is complete."""

    def closed(self) -> bool:
        return True

    def _set_producer_state(self, producer_id: int, producer_epoch: int, base_sequence: int) -> None:
        now_ms = int(real_now().timestamp() * 1000)
        _SENDER_FIELDS.pack_into(
            self._buffer, _SENDER_FIELDS_AT, now_ms, now_ms, producer_id, producer_epoch, base_sequence
        )
        _CHECKSUM.pack_into(self._buffer, _CHECKSUM_AT, calc_crc32c(memoryview(self._buffer)[_CHECKED_FROM:]))

    def _build(self) -> bytearray:
        return self._buffer
